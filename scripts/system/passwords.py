"""Passwords that no person has to know: made when first needed, kept in
RUN_DIR/secrets, one file each, which only its owner can read."""

import os
import secrets

FOLDER = "secrets"


def write(settings, name, text):
    """Writes RUN_DIR/secrets/<name> and returns its path."""
    os.makedirs(settings.path(FOLDER), mode=0o700, exist_ok=True)
    path = settings.path(FOLDER, name)
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    os.rename(path + ".new", path)
    return path


def get(settings, name):
    """What RUN_DIR/secrets/<name> holds, made now if there is no such file."""
    try:
        with open(settings.path(FOLDER, name), encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        write(settings, name, secrets.token_urlsafe(32))
        return get(settings, name)
