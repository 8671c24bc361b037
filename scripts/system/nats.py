"""nats-server's configuration: who may publish and hear what.

Every service is a user of its own, as is whoever runs its subcommands
(<service>-admin), and the provisioner. What each may do follows from the
jetstream.json of the service; everything else is refused. The operator is a
person, who may do anything; no process has his password. Nobody without one gets
in.
"""

import json
import os

from . import passwords
from .settings import TOP

try:
    import crypt
except ImportError:  # Python 3.13 and later
    crypt = None

PROVISIONER = "provisioner"
OPERATOR = "operator"

_CONFIGURATION = """\
# Written by scripts/up.
listen: "{address}"
server_name: "restaurant"
jetstream {{
  store_dir: "{store}"
  max_memory_store: 64MB
  max_file_store: 8GB
}}
max_payload: 1MB
# A client that hangs is noticed after about 6 s.
ping_interval: "2s"
ping_max: 2
include users.conf
"""

_USERS = """\
# Written by scripts/system/nats.py, from the services' jetstream.json.
include passwords.conf
authorization {{
  users: [
{users}  ]
}}
"""

_USER = """\
    {{user: {user}, password: $password_{user}, permissions: {{
      publish: [
{subjects}      ]
      subscribe: "{hears}"
    }}}}
"""


def declaration(service):
    """What the service's jetstream.json says, or {}."""
    try:
        with open(os.path.join(TOP, service, "jetstream.json"), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return {}


def admin_of(service):
    return f"{service}-admin"


def _consumer(stream, name):
    """Taking events from a consumer that exists: asking for more, acknowledging,
    and how far behind it is."""
    return [f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}", f"$JS.ACK.{stream}.{name}.>",
            f"$JS.API.CONSUMER.INFO.{stream}.{name}"]


def _reader(stream, name):
    """Reading a whole stream, by a consumer that lives as long as that takes."""
    return [f"$JS.API.CONSUMER.CREATE.{stream}.{name}",
            f"$JS.API.CONSUMER.DELETE.{stream}.{name}", *_consumer(stream, name)]


def may_publish(services):
    """The subjects that each user may publish to, requests included. Each but the
    operator hears its own inboxes and nothing else."""
    users = {PROVISIONER: [f"$JS.API.STREAM.{what}.*"
                           for what in ("INFO", "CREATE", "UPDATE")] +
                          [f"$JS.API.CONSUMER.{what}.*.*"
                           for what in ("INFO", "DURABLE.CREATE")],
             OPERATOR: [">"]}
    for service in services:
        declared = declaration(service)
        own = declared.get("stream", {"subjects": []})
        says = list(own["subjects"])
        streams = [own["name"]] if "name" in own else []
        says += [f"$JS.API.STREAM.INFO.{stream}" for stream in streams]
        hears = declared.get("durables", [])
        users[service] = list(says)
        for durable in hears:
            users[service] += _consumer(durable["stream"], durable["name"])
        # The relay that repairs its stream reads it first.
        for stream in streams:
            users[service] += _reader(stream, f"{service}-relay")
        # Who speaks can reconcile: reads its own stream and publishes again what is
        # lost there. Who only hears can rebuild from what it hears.
        admin = admin_of(service)
        users[admin] = list(own["subjects"])
        for stream in streams or dict.fromkeys(durable["stream"] for durable in hears):
            users[admin] += [f"$JS.API.STREAM.INFO.{stream}", *_reader(stream, admin)]
    return users


def users_configuration(services):
    """Users and permissions. Passwords are variables, password_<user>."""
    users = []
    for user, subjects in may_publish(services).items():
        hears = ">" if user == OPERATOR else f"_INBOX_{user}.>"
        users.append(_USER.format(
            user=user, hears=hears,
            subjects="".join(f'        "{subject}"\n' for subject in subjects)))
    return _USERS.format(users="".join(users))


def passwords_configuration(users):
    """The variables: bcrypt where Python has it, cheap to check, because 256 random
    bits are not guessed."""
    def kept(password):
        return password if crypt is None else crypt.crypt(
            password, crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16))
    return "".join(f'password_{user}: "{kept(password)}"\n' for user, password in users.items())


def _password_file(user):
    return f"nats-{user}"


def configuration(settings):
    return settings.path("nats", "nats.conf")


def write_configuration(settings):
    users = may_publish(settings.services)
    os.makedirs(settings.path("nats"), exist_ok=True)
    for name, text in (
            ("nats.conf", _CONFIGURATION.format(
                address=settings["NATS_URL"].removeprefix("nats://"),
                store=settings.path("nats", "store"))),
            ("users.conf", users_configuration(settings.services)),
            ("passwords.conf", passwords_configuration(
                {user: passwords.get(settings, _password_file(user)) for user in users}))):
        descriptor = os.open(settings.path("nats", name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)


def flags(settings, user):
    """The flags, as environment variables, of a process that is `user`."""
    values = {"FLAGS_nats_url": settings["NATS_URL"]}
    # Somebody's server has users of its own; the URL says which one we are.
    if not settings["EXTERNAL_NATS_URL"]:
        values["FLAGS_nats_user"] = user
        values["FLAGS_nats_password_file"] = settings.path(passwords.FOLDER, _password_file(user))
    return values
