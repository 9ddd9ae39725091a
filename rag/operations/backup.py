"""Copy a data folder into one archive while Magpie runs, and put an archive into an empty data folder.

The archive is a tar with the catalog, the files and page pictures that the catalog knows, and what people wrote or
trained. The vector store is left out: it is filled from the catalog. Its last entry, `manifest.json`, has the versions,
and the size and SHA-256 of every other entry.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import sqlite3
import tarfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout
from pydantic import BaseModel, ValidationError

from rag.catalog import Catalog
from rag.catalog.documents import list_stored_files
from rag.catalog.migrate import MigrationHistory, check_not_newer, list_copies, schemas
from rag.data_dir import make_private, temporary_folder
from rag.disk import FULL, explain_disk_error
from rag.errors import Busy, CatalogUnfit, MagpieError, NotFound, Unreadable, UserCanFix
from rag.settings_file import NAME as SETTINGS_FILE

CATALOG, MANIFEST = "catalog.db", "manifest.json"
FORMAT = 1
"""Version of the archive's layout."""

_SINGLE = ("glossary.toml", "decision.json")
_FOLDERS = ("files", "pictures", "projections")
_DERIVED = ("evidence", "chroma", f"{CATALOG}-wal", f"{CATALOG}-shm")
"""Made again from the catalog, or a part of it that the copy has."""

_ALLOWED = re.compile(
    rf"{re.escape(CATALOG)}|{re.escape(SETTINGS_FILE)}|glossary\.toml|decision\.json"
    r"|files/[0-9a-f]{64}|pictures/\d{1,18}/[\w.-]{1,200}|projections/[\w.-]{1,200}"
)
"""Names that an archive may have besides the manifest."""

_MANIFEST_BYTES = 1 << 30


class Entry(BaseModel):
    """An entry of an archive: bytes, and their hash in hexadecimal digits."""

    size: int
    sha256: str


class Manifest(BaseModel):
    """What an archive says about itself. `missing` counts files that were deleted while it was written."""

    format: int
    magpie: str
    created: str
    schemas: dict[str, str]
    missing: int
    files: dict[str, Entry]


@dataclass(frozen=True, slots=True)
class BackupSummary:
    """What an archive has: when it was made (ISO 8601), entries and their bytes, and whether the settings with their
    tokens are among them. `missing`: see Manifest."""

    created: str
    files: int
    bytes: int
    tokens: bool
    missing: int


def write_backup(
    data: Path, target: Path, histories: Sequence[MigrationHistory], version: str, *, with_tokens: bool = False
) -> BackupSummary:
    """Write the archive of a data folder to a new file that only its owner can read. Magpie may run meanwhile.

    `version` is that of Magpie. With tokens, magpie.toml is copied too. Raise UserCanFix for a target that exists or is
    in the data folder, NotFound without a catalog, CatalogUnfit for one of another version or a damaged one.
    """
    if target.exists():
        raise UserCanFix(f"{target} exists already.", "Choose another name, or move the file away.")
    if target.resolve().is_relative_to(data.resolve()):
        raise UserCanFix(f"{target} is in the data folder.", "Choose a place outside, best on another disk.")
    if not (data / CATALOG).is_file():
        raise NotFound(f"There is nothing to back up in {data}.", "Name the data folder with --data or MAGPIE_DATA.")
    partial = target.with_name(f"{target.name}.partial")
    with temporary_folder("backup", data) as folder, _private_file(partial) as file:
        copy = Path(folder) / CATALOG
        _copy_catalog(data / CATALOG, copy)
        with (
            closing(Catalog(Path(folder), histories, upgrade=False)) as catalog,
            catalog.read_transaction() as connection,
        ):
            documents, extractions = list_stored_files(connection)
            versions = schemas(connection, histories)
        with tarfile.open(fileobj=file, mode="w") as tar:
            archive = _Archive(tar)
            archive.add(copy, CATALOG)
            for sha256 in documents:
                archive.add(data / "files" / sha256, f"files/{sha256}")
            for number in extractions:
                archive.add_folder(data / "pictures" / str(number), f"pictures/{number}")
            archive.add_folder(data / "projections", "projections")
            for name in (*_SINGLE, *((SETTINGS_FILE,) if with_tokens else ())):
                if (data / name).is_file():
                    archive.add(data / name, name)
            manifest = archive.finish(version, versions)
        file.flush()
        os.fsync(file.fileno())
        partial.replace(target)
    return _summary(manifest)


def restore_backup(
    source: Path, data: Path, histories: Sequence[MigrationHistory], *, replace: bool = False
) -> BackupSummary:
    """Put an archive into a data folder that holds no data yet; with `replace`, in place of its data.

    Nothing is changed before the archive was checked as a whole. A settings file that exists is kept, unless `replace`
    is set and the archive has one. Raise NotFound, Unreadable for what is not an intact archive, CatalogUnfit for one
    of a newer Magpie, UserCanFix for a folder that holds data, Busy while a Magpie process uses it.
    """
    if not source.is_file():
        raise NotFound(f"The file {source} doesn't exist.", "Check the name.")
    make_private(data)
    if not replace and (found := _held(data)):
        raise UserCanFix(
            f"The data folder {data} is not empty: it has {found[0].name}.",
            "Name another folder with --data, or use --replace to delete what it holds.",
        )
    with _owned(data), temporary_folder("restore", data) as name:
        folder = Path(name)
        manifest = _unpack(source, folder)
        check_not_newer(folder / CATALOG, histories)
        for path in _held(data):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        # The catalog last: until then, the folder is not taken for a complete one.
        for item in (*_FOLDERS, *_SINGLE, CATALOG):
            if (folder / item).exists():
                os.replace(folder / item, data / item)
        if (folder / SETTINGS_FILE).exists() and (replace or not (data / SETTINGS_FILE).exists()):
            os.replace(folder / SETTINGS_FILE, data / SETTINGS_FILE)
    return _summary(manifest)


# ---------------------------------------------------------------- writing


@contextmanager
def _private_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a new file with mode 0600, and delete it if the block raises. Name its folder if that disk is full."""
    path.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b") as file:
            yield file
    except OSError as error:
        path.unlink(missing_ok=True)
        if error.errno in FULL and (explained := explain_disk_error(error, path.parent)):
            raise explained from error
        raise
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _copy_catalog(path: Path, copy: Path) -> None:
    """Copy the catalog as it is at one moment. Other processes read and write it meanwhile."""
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorname == "SQLITE_FULL":
            raise
        raise CatalogUnfit(
            f"The catalog {path} cannot be copied: {error}.",
            "Check it with `magpie doctor`; restore an earlier backup.",
        ) from error


@dataclass
class _Archive:
    """An archive that is being written."""

    tar: tarfile.TarFile
    files: dict[str, Entry] = field(default_factory=dict)
    missing: int = 0

    def add(self, path: Path, name: str) -> None:
        """Add a file that does not change. One that was deleted since it was listed is counted as missing."""
        try:
            file = path.open("rb")
        except FileNotFoundError:
            self.missing += 1
            return
        with file:
            size = os.fstat(file.fileno()).st_size
            reader = _HashingReader(file)
            self._put(name, size, reader)
        self.files[name] = Entry(size=size, sha256=reader.digest.hexdigest())

    def add_folder(self, folder: Path, name: str) -> None:
        """Add the files of a folder. They may be written meanwhile: the newest ones may be incomplete, and are written
        again when their pages are."""
        for path in sorted(folder.glob("*")):
            if not path.is_file() or path.is_symlink():
                continue
            with suppress(FileNotFoundError):
                content = path.read_bytes()
                self._put(f"{name}/{path.name}", len(content), io.BytesIO(content))
                self.files[f"{name}/{path.name}"] = _entry(content)

    def finish(self, version: str, versions: dict[str, str]) -> Manifest:
        manifest = Manifest(
            format=FORMAT,
            magpie=version,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            schemas=versions,
            missing=self.missing,
            files=self.files,
        )
        content = manifest.model_dump_json().encode()
        self._put(MANIFEST, len(content), io.BytesIO(content))
        return manifest

    def _put(self, name: str, size: int, content: BinaryIO | io.BytesIO | _HashingReader) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.mtime = size, 0o600, int(time.time())
        self.tar.addfile(entry, content)


class _HashingReader:
    """Reads a file and hashes what was read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self.digest.update(content)
        return content


def _entry(content: bytes) -> Entry:
    return Entry(size=len(content), sha256=hashlib.sha256(content).hexdigest())


def _summary(manifest: Manifest) -> BackupSummary:
    size = sum(entry.size for entry in manifest.files.values())
    tokens = SETTINGS_FILE in manifest.files
    return BackupSummary(manifest.created, len(manifest.files), size, tokens, manifest.missing)


# ---------------------------------------------------------------- reading


@contextmanager
def _owned(data: Path) -> Iterator[None]:
    """Keep other processes from the data folder for the `with` block. Raise Busy if one uses it."""
    with ExitStack() as held:
        try:
            held.enter_context(FileLock(data / "owner.lock", timeout=0))
        except Timeout as error:
            raise Busy(f"A Magpie process works on {data}.", "Stop it first.") from error
        yield


def _held(data: Path) -> list[Path]:
    """Return what a data folder holds that is restored or made from it: not the settings, not locks."""
    named = (CATALOG, *_FOLDERS, *_SINGLE, *_DERIVED)
    return [*(data / name for name in named if (data / name).exists()), *list_copies(data)]


def _unpack(source: Path, folder: Path) -> Manifest:
    """Unpack an archive into an empty folder, and compare every entry with the manifest."""
    found: dict[str, Entry] = {}
    try:
        with tarfile.open(source, "r:") as tar:
            for entry in tar:
                if entry.name == MANIFEST:
                    return _checked(_read_manifest(tar, entry), found, source)
                _extract(tar, entry, folder)
                found[entry.name] = _hash(folder / entry.name)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise _damaged(source) from error
    raise _damaged(source)


def _extract(tar: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path) -> None:
    if not entry.isreg() or not _ALLOWED.fullmatch(entry.name):
        raise tarfile.TarError("an entry that no backup has")
    tar.extract(entry, folder, filter="data")


def _read_manifest(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> Manifest:
    content = tar.extractfile(entry) if entry.isreg() and entry.size < _MANIFEST_BYTES else None
    if content is None:
        raise tarfile.TarError("no manifest")
    try:
        return Manifest.model_validate_json(content.read())
    except ValidationError as error:
        raise tarfile.TarError("an invalid manifest") from error


def _checked(manifest: Manifest, found: dict[str, Entry], source: Path) -> Manifest:
    if manifest.format > FORMAT:
        raise CatalogUnfit(f"{source} was written by a newer Magpie ({manifest.magpie}).", "Upgrade this Magpie.")
    if manifest.files != found or CATALOG not in found:
        raise _damaged(source)
    return manifest


def _hash(path: Path) -> Entry:
    with path.open("rb") as file:
        return Entry(size=path.stat().st_size, sha256=hashlib.file_digest(file, "sha256").hexdigest())


def _damaged(source: Path) -> MagpieError:
    return Unreadable(f"{source} is not a backup of Magpie, or it is damaged.", "Nothing was changed. Use another one.")
