"""Signing in and out."""

from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from operators.forms import FirstPasswordForm, SignInForm
from operators.models import SignInLink
from operators.throttle import count_try, forget_tries

SIGN_IN_BACKEND = "django.contrib.auth.backends.ModelBackend"


@never_cache
@login_not_required
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """User name and password; throttled."""
    goal = request.POST.get("next") or request.GET.get("next", "")
    if not url_has_allowed_host_and_scheme(goal, {request.get_host()}, require_https=request.is_secure()):
        goal = resolve_url("sessions:overview")
    if request.user.is_authenticated:
        return redirect(goal)
    if request.method != "POST":
        return render(request, "operators/sign_in.html", {"form": SignInForm(request), "next": goal})
    username = request.POST.get("username", "")
    if not count_try(request, username):
        form = SignInForm(request, initial={"username": username})
        return render(request, "operators/sign_in.html", {"form": form, "next": goal, "throttled": True}, status=429)
    form = SignInForm(request, data=request.POST)
    if not form.is_valid():
        return render(request, "operators/sign_in.html", {"form": form, "next": goal}, status=422)
    forget_tries(request, username)
    login(request, form.get_user())
    return redirect(goal)


@never_cache
@login_not_required
@sensitive_post_parameters("password")
def first_sign_in(request: HttpRequest, token: str) -> HttpResponse:
    """A single-use link: looking at it spends nothing, setting the password does."""
    link = SignInLink.open_with(token)
    if link is None:
        return render(request, "operators/link_spent.html", status=410)
    form = FirstPasswordForm(link.operator, request.POST or None)
    if not form.is_valid():
        context = {"form": form, "operator": link.operator}
        return render(request, "operators/first_sign_in.html", context, status=422 if form.is_bound else 200)
    with transaction.atomic():
        if not link.use():
            return render(request, "operators/link_spent.html", status=410)
        link.operator.set_password(form.cleaned_data["password"])
        link.operator.save(update_fields=["password"])
    login(request, link.operator, backend=SIGN_IN_BACKEND)
    return redirect("sessions:overview")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End this browser's session."""
    logout(request)
    return redirect("operators:sign-in")
