"""How forms look: fields as Tabler has them, errors at their place, and forms that are only looked at."""

from django import forms


def dress(form: forms.BaseForm) -> None:
    """Give the fields Tabler's classes, tie a field in error to its sentence, and put the cursor into the first of them."""
    in_error = [name for name in form.fields if form.is_bound and name in form.errors]
    for name, field in form.fields.items():
        kind = "form-select" if isinstance(field.widget, forms.Select) else "form-control"
        if isinstance(field.widget, (forms.CheckboxInput, forms.RadioSelect)):
            kind = "form-check-input"
        field.widget.attrs.setdefault("class", kind)
        if name in in_error:
            field.widget.attrs["class"] += " is-invalid"
    if in_error:
        form.fields[in_error[0]].widget.attrs["autofocus"] = True


def freeze(form: forms.BaseForm) -> None:
    """For people who may look, and for what does not change: all fields are shown, none can be typed in."""
    for field in form.fields.values():
        field.disabled = True
