"""Addresses of signing in and out."""

from django.urls import path

from operators import views

app_name = "operators"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("first-sign-in/<str:token>", views.first_sign_in, name="first-sign-in"),
    path("sign-out/", views.sign_out, name="sign-out"),
]
