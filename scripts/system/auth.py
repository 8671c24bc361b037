"""Keys of the system on one machine, and the tokens that they sign.

One key signs people's tokens; only scripts/token and tests read it. Each service
that calls another has a key of its own. All programs get public keys only.
"""

import base64
import json
import os
import re
import subprocess
import time

from .settings import Trouble

ISSUER = "restaurant"
AUDIENCE = "restaurant"
PEOPLE = "people"  # the kid of the key that signs their tokens
CALLING_SERVICES = ["order"]


def make_keys(settings):
    """Makes what is missing in RUN_DIR/auth: private keys for their owner's eyes
    only, and the public ones as JSON Web Key Sets."""
    os.makedirs(settings["AUTH_DIR"], mode=0o700, exist_ok=True)
    _write(settings["AUTH_JWKS"], json.dumps({"keys": [_jwk(settings, PEOPLE)]}))
    services = [_jwk(settings, service) for service in CALLING_SERVICES]
    _write(settings["AUTH_SERVICE_JWKS"], json.dumps({"keys": services}))


def key_file(settings, owner):
    return os.path.join(settings["AUTH_DIR"], owner + ".pem")


def sign(settings, claims):
    """A person's token with these claims (RFC 7519, ES256)."""
    text = _base64url(json.dumps({"alg": "ES256", "kid": PEOPLE, "typ": "JWT"}).encode())
    text += "." + _base64url(json.dumps(claims).encode())
    der = _openssl(["dgst", "-sha256", "-sign", key_file(settings, PEOPLE)], text.encode())
    return text + "." + _base64url(_concatenated(der))


def token(settings, role, subject, seconds, **claims):
    now = int(time.time())
    return sign(settings, {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "role": role,
                           **claims, "iat": now, "nbf": now, "exp": now + seconds})


def _jwk(settings, owner):
    path = key_file(settings, owner)
    if not os.path.exists(path):
        _write(path, _openssl(["genpkey", "-algorithm", "EC", "-pkeyopt",
                               "ec_paramgen_curve:P-256"]).decode())
    der = _openssl(["pkey", "-in", path, "-pubout", "-outform", "DER"])
    # SubjectPublicKeyInfo of a P-256 key ends with the point: 04, x, y.
    return {"kid": owner, "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
            "x": _base64url(der[-64:-32]), "y": _base64url(der[-32:])}


def _concatenated(der):
    """The two numbers of an ECDSA signature as JWS has them: 32 bytes each."""
    r_end = 4 + der[3]
    return b"".join(int.from_bytes(number, "big").to_bytes(32, "big")
                    for number in (der[4:r_end], der[r_end + 2:]))


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _openssl(arguments, text=b""):
    try:
        done = subprocess.run(["openssl", *arguments], input=text, capture_output=True, check=False)
    except FileNotFoundError:
        raise Trouble("openssl is not there; scripts/deps installs it") from None
    if done.returncode != 0:
        # Its words name files, not what is in them.
        raise Trouble(f"openssl {arguments[0]} failed: {done.stderr.decode().strip()}")
    return done.stdout


def _write(path, text):
    descriptor = os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(path + ".new", path)


def seconds_of(text):
    """Of 90, 90s, 15m, 1h or 2d."""
    match = re.fullmatch(r"([1-9][0-9]{0,6})([smhd]?)", text)
    if not match:
        raise Trouble(f"--ttl is {text!r}; it must be like 90s, 15m, 1h or 2d")
    return int(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]
