"""``edgecls bundle``: one file that installs a classifier on a device."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from edgecls_device.errors import OptionError

from edgecls.cli.lists import split_names
from edgecls.cli.output import json_option, print_line, print_record, print_table
from edgecls.progress import say

if TYPE_CHECKING:
    from edgecls_export.bundles.folders import FolderBundle
    from edgecls_export.bundles.request import BundleResult

    from edgecls.run_directory import RunDirectory

__all__ = ["command"]

MOST_PHOTOS = 999
DEFAULT_PHOTOS = 16
FOLDERS = {
    "web": "next: python3 -m http.server 8000 --directory {folder}, then open http://localhost:8000",
    "android": "next: copy {folder}/app over the app of an Android Studio project; README.md says more",
}
"""Targets that are a folder, and what to do with it."""
EPILOG = """\b
Examples:
  edgecls bundle --list-targets
  edgecls bundle runs/pets --target bookworm64 --key pets.key
  edgecls bundle runs/pets --target bookworm32 --photos 50 --out pets.edgecls
  edgecls bundle runs/pets --target linux-x86_64 --python 3.12 --no-photos

\b
Beyond the Pi, a folder; --artifact and --out are its only options:
  edgecls bundle runs/pets --target web --out site/pets
  edgecls bundle runs/pets --target web --artifact int8.onnx
  edgecls bundle runs/pets --target android

\b
The first bundle of a target downloads its wheels, 7 to 107 MB; later ones need no network.
A key is made once, with edgecls keys new, and signs all bundles of a device.

\b
Photos leave the house in a bundle: everybody who gets the file, or the device, can look at them.
Where, when and with what they were taken is left out. With --no-photos no picture is in it.
"""


@click.command("bundle", epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option(
    "--target", "target_name", metavar="NAME", help="The device's system; see --list-targets."
)
@click.option("--list-targets", is_flag=True, help="Show the systems that bundles are made for.")
@click.option(
    "--artifact",
    "artifacts",
    metavar="NAME",
    multiple=True,
    help="A file in RUN/exports, such as int8.tflite; repeatable. By default int8 for each runtime there.",
)
@click.option(
    "--backend",
    "backends",
    metavar="NAMES",
    callback=split_names,
    help="Runtimes, with commas between them; by default all there that run one of the files.",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    help="Private key to sign with; see: edgecls keys new.",
)
@click.option(
    "--name", help="What is installed: the service is edgecls-NAME. By default the run's name."
)
@click.option(
    "--release",
    type=int,
    metavar="N",
    help="Its number, which a device only takes upwards. By default the next one if anything changed.",
)
@click.option(
    "--photos",
    type=click.IntRange(min=1, max=MOST_PHOTOS),
    help=f"Photos that the device is checked with, of RUN's test split; {DEFAULT_PHOTOS} by default.",
)
@click.option(
    "--no-photos",
    is_flag=True,
    help="No photos in the file: the device is checked with seeded pictures.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder to take the photos from, with a folder for each class.",
)
@click.option(
    "--python", metavar="VERSION", help="The device's Python, on targets that have several."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The file to write, by default RUN/bundles/NAME-RELEASE-TARGET.edgecls; or the folder.",
)
@json_option
def command(
    run: Path | None,
    target_name: str | None,
    list_targets: bool,
    artifacts: tuple[str, ...],
    backends: list[str] | None,
    key: Path | None,
    name: str | None,
    release: int | None,
    photos: int | None,
    no_photos: bool,
    data: Path | None,
    python: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Make one file that installs exported files of RUN on a device, with everything they need there.

    It holds the model files, photos with the scores they must give, Python packages for exactly that system, an
    installer and a service. The device needs no network. The same inputs give the same bytes.
    """
    from edgecls_export.bundles.targets import find_target

    from edgecls.bundling.bundle_run import BundleOptions, bundle_run
    from edgecls.run_directory import RunDirectory

    if list_targets:
        _print_targets(as_json=as_json)
        return
    if run is None or target_name is None:
        missing = "a RUN" if run is None else "--target NAME"
        message = f"Expected {missing} to make a bundle, got none."
        raise OptionError(
            message,
            hint="edgecls bundle RUN --target bookworm64; see: edgecls bundle --list-targets",
        )
    if target_name in FOLDERS:
        others = {"--key": key, "--name": name, "--release": release, "--photos": photos}
        others |= {"--no-photos": no_photos or None, "--data": data, "--python": python}
        _refuse(
            target_name,
            artifacts,
            [option for option, value in others.items() if value is not None],
        )
        _bundle_folder(RunDirectory(run), target_name, artifacts, out, as_json=as_json)
        return
    if out is not None and out.is_dir():
        message = f"Expected a file to write with --out, got the directory {str(out)!r}."
        raise OptionError(message, hint=f"--out {out}/pets.edgecls")
    if no_photos and (photos is not None or data is not None):
        message = "Expected --no-photos alone, got it with --photos or --data."
        raise OptionError(message, hint="leave one of them out")
    options = BundleOptions(
        name=name,
        python=python,
        backends=tuple(backends or ()),
        artifacts=artifacts,
        photos=0 if no_photos else photos or DEFAULT_PHOTOS,
        data=data,
        release=release,
        key=key,
        out=out,
    )
    result = bundle_run(RunDirectory(run), find_target(target_name), options)
    if as_json:
        print_record(result)
    else:
        _print(result)
    if not result.signed_by:
        say(
            "warning: this bundle is NOT SIGNED: whoever can change the file can change what runs on the "
            "device; to sign it: edgecls keys new FILE, then add --key FILE"
        )


def _refuse(target: str, artifacts: tuple[str, ...], others: list[str]) -> None:
    """Refuse what a folder cannot have."""
    if others:
        message = (
            f"Expected only --artifact and --out with --target {target}, got {', '.join(others)}."
        )
        raise OptionError(message, hint="leave them out: they are for bundles of a device")
    if len(artifacts) > 1:
        message = f"Expected one --artifact with --target {target}, got {len(artifacts)}."
        raise OptionError(message, hint="make a folder for each of them, with --out")


def _bundle_folder(
    run: "RunDirectory", target: str, artifacts: tuple[str, ...], out: Path | None, *, as_json: bool
) -> None:
    from edgecls.bundling.folder_targets import FOLDER_TARGETS, bundle_folder

    artifact = artifacts[0] if artifacts else None
    result = bundle_folder(run, FOLDER_TARGETS[target], artifact=artifact, out=out)
    if as_json:
        print_record(result)
    else:
        _print_folder(result)


def _print_folder(result: "FolderBundle") -> None:
    parts: dict[str, list[int]] = {}
    for name, size in result.files.items():
        parts.setdefault(name.rpartition("/")[0] or ".", []).append(size)
    rows = [(part, str(len(sizes)), _megabytes(sum(sizes))) for part, sizes in parts.items()]
    rows.append(("all", str(len(result.files)), _megabytes(sum(result.files.values()))))
    runtime = f" with {result.runtime}" if result.runtime else ""
    print_table(f"{result.model} for {result.target}{runtime}", ("folder", "files", "MB"), rows)
    print_line(f"wrote {result.folder}", style="bold")
    click.echo(FOLDERS[result.target].format(folder=result.folder))


def _print(result: "BundleResult") -> None:
    rows = [(part.title, str(part.files), _megabytes(part.size_bytes)) for part in result.parts]
    rows.append(("the whole file", "1", _megabytes(result.size_bytes)))
    title = f"{result.name}, release {result.release}, for {result.target} (Python {result.python})"
    print_table(title, ("part", "files", "MB"), rows)
    if result.photos:
        click.echo(f"{result.photos} photos must score within {result.tolerance:.2g} on the device")
    else:
        click.echo("no photos: the device is checked with the seeded pictures in the model files")
    if result.signed_by:
        click.echo(f"signed by the key {result.signed_by[:16]}...")
    if result.apt_packages:
        click.echo(f"on the device first: sudo apt install {' '.join(result.apt_packages)}")
    file = Path(result.path)
    print_line(f"wrote {file}", style="bold")
    click.echo(f"next: scp {file} pi@DEVICE: && ssh -t pi@DEVICE sudo python3 {file.name}")
    click.echo(f"or:   edgecls deploy {file} --host pi@DEVICE")


def _print_targets(*, as_json: bool) -> None:
    from edgecls_export.bundles.target_list import listed_targets

    targets = listed_targets()
    if as_json:
        print_record(targets)
        return
    columns = ("target", "system", "dpkg", "Python", "runtimes", "wheels MB")
    rows = [
        (
            one.name,
            one.title,
            one.architecture,
            f"{one.pythons[0]}" + (" and others" if len(one.pythons) > 1 else ""),
            ", ".join(one.backends),
            _megabytes(one.wheels_bytes),
        )
        for one in targets.targets
    ]
    print_table("", columns, rows, is_tight=True)
    for one in targets.targets:
        click.echo(f"{one.name}: glibc {one.glibc} or newer; {one.camera}")
        if one.apt_packages:
            click.echo(f"  once, on the device: sudo apt install {' '.join(one.apt_packages)}")
        if one.note:
            click.echo(f"  {one.note}")
    from edgecls.bundling.folder_targets import FOLDER_TARGETS

    for folder in FOLDER_TARGETS.values():
        click.echo(f"{folder.name}: a folder with {folder.title}")


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f}"
