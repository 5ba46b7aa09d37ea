"""A certificate authority of a test, and the certificate of a server on this machine, made with openssl."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HOST = "localhost"
"""The name in the certificate: servers of a test answer under it."""


def make_authority(folder: Path, name: str = "ca") -> Path:
    """Make an authority's key and certificate; returns the certificate, which clients are to trust."""
    certificate = folder / f"{name}.pem"
    _openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN=Test authority {name}",
        "-keyout", str(folder / f"{name}.key"), "-out", str(certificate),
    )  # fmt: skip
    certificate.chmod(0o644)
    return certificate


def make_server_certificate(authority: Path, folder: Path, *, host: str = HOST, days: int = 30) -> tuple[Path, Path]:
    """Make the certificate of a server, signed by an authority; returns certificate and key.

    Args:
        days: for which it holds; -1 for one that has expired.
    """
    certificate, key, request = folder / "server.pem", folder / "server.key", folder / "server.csr"
    names = folder / "server.ext"
    names.write_text(f"subjectAltName = DNS:{host}\n")
    _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={host}", "-keyout", str(key), "-out", str(request))
    _openssl(
        "x509", "-req", "-days", str(days), "-in", str(request), "-CA", str(authority),
        "-CAkey", str(authority.with_suffix(".key")), "-CAcreateserial", "-extfile", str(names),
        "-out", str(certificate),
    )  # fmt: skip
    return certificate, key


def _openssl(*arguments: str) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("openssl is not installed: nothing about TLS is tested")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
