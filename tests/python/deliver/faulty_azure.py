"""Azure Blob Storage's interface as far as deliveries use it, with its rules about blocks, conditions and checksums."""

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import parse_qs, unquote, urlsplit
from xml.etree import ElementTree as ET

from tests.python.deliver.faulty import FaultyHandler, FaultyServer

SIGNATURE = "sv=2025-01-05&se=2099-01-01&sr=c&sp=rwcd&sig=bWFkZS11cA%3D%3D"
"""What is accepted, once a test asks for one."""


class AzureServer(FaultyServer):
    """One container of one account.

    Attributes:
        account, container: their names.
        signed: whether a shared access signature is asked for.
        blocks: those that wait to become part of a blob, by its name and theirs.
        public: what the container says of public access.
    """

    account, container = "division", "inbox"

    def __init__(self) -> None:
        super().__init__()
        self.signed = False
        self.blocks: dict[str, dict[str, bytes]] = {}
        self.public = ""


class AzureHandler(FaultyHandler):
    """Kinds of request: small, block, commit, staged, look, get, remove, list, container."""

    world: AzureServer

    def _query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}

    def _blob(self) -> str:
        return unquote(urlsplit(self.path).path).split("/", 3)[3]

    def kind(self) -> str:
        query = self._query()
        if query.get("restype") == "container":
            return "list" if query.get("comp") == "list" else "container"
        if self.command == "PUT":
            return {"block": "block", "blocklist": "commit"}.get(query.get("comp", ""), "small")
        if self.command == "GET":
            return "staged" if query.get("comp") == "blocklist" else "get"
        return {"HEAD": "look", "DELETE": "remove"}[self.command]

    def act(self) -> None:
        query = self._query()
        _, account, container = urlsplit(self.path).path.split("/")[:3]
        signature = parse_qs(SIGNATURE)["sig"][0]
        if self.world.signed and query.get("sig") != signature:
            self._refuse(403, "AuthenticationFailed")
        elif (account, container) != (self.world.account, self.world.container):
            self._refuse(404, "ContainerNotFound")
        elif hashlib.md5(self.body, usedforsecurity=False).digest() != base64.b64decode(
            self.headers.get("Content-MD5") or base64.b64encode(hashlib.md5(self.body, usedforsecurity=False).digest())
        ):
            self._refuse(400, "Md5Mismatch")
        else:
            getattr(self, f"_{self.kind()}")()

    # -- reading ---------------------------------------------------------------------------------------------------

    def _container(self) -> None:
        self.answer(200, b"", {"x-ms-blob-public-access": self.world.public} if self.world.public else {})

    def _list(self) -> None:
        root = ET.Element("EnumerationResults", ContainerName=self.world.container)
        blobs = ET.SubElement(root, "Blobs")
        for name, one in self.world.stored.items():
            blob = ET.SubElement(blobs, "Blob")
            ET.SubElement(blob, "Name").text = name
            ET.SubElement(ET.SubElement(blob, "Properties"), "Content-Length").text = str(len(one.content))
        ET.SubElement(root, "NextMarker")
        self._xml(root)

    def _staged(self) -> None:
        waiting = self.world.blocks.get(self._blob(), {})
        if not waiting and self._blob() not in self.world.stored:
            self._refuse(404, "BlobNotFound")
            return
        root = ET.Element("BlockList")
        uncommitted = ET.SubElement(root, "UncommittedBlocks")
        for name, content in waiting.items():
            block = ET.SubElement(uncommitted, "Block")
            ET.SubElement(block, "Name").text = name
            ET.SubElement(block, "Size").text = str(len(content))
        self._xml(root)

    def _look(self) -> None:
        there = self.world.stored.get(self._blob())
        if there is None:
            self._refuse(404, "BlobNotFound")
        else:
            self.answer(200, b"", self._facts() | {"Content-Length": str(len(there.content))})

    def _get(self) -> None:
        there = self.world.stored.get(self._blob())
        if there is None:
            self._refuse(404, "BlobNotFound")
            return
        wanted = self.headers.get("x-ms-range") or self.headers.get("Range")
        if wanted is None:
            self.answer(200, there.content, self._facts())
            return
        first, last = map(int, re.findall(r"\d+", wanted))
        if first >= len(there.content):
            self._refuse(416, "InvalidRange")
            return
        piece = there.content[first : last + 1]
        span = {"Content-Range": f"bytes {first}-{first + len(piece) - 1}/{len(there.content)}"}
        self.answer(206, piece, self._facts() | span)

    # -- writing ---------------------------------------------------------------------------------------------------

    def _small(self) -> None:
        if self.headers.get("x-ms-blob-type") != "BlockBlob":
            self._refuse(400, "InvalidHeaderValue")
        elif self._may():
            self._keep(self.body)

    def _block(self) -> None:
        waiting = self.world.blocks.setdefault(self._blob(), {})
        kept = self.fault.store(self.body)
        if kept is not None:
            waiting[self._query()["blockid"]] = kept
        self.answer(201, b"")

    def _commit(self) -> None:
        waiting = self.world.blocks.get(self._blob(), {})
        names = [str(one.text) for one in ET.fromstring(self.body)]  # noqa: S314 - a client of ours wrote it
        if not self._may():
            return
        if set(names) - waiting.keys():
            self._refuse(400, "InvalidBlockList")
        else:
            self._keep(b"".join(waiting[name] for name in names))

    def _keep(self, content: bytes) -> None:
        self.world.blocks.pop(self._blob(), None)
        kept = self.fault.store(content)
        if kept is not None:
            told = self.headers.get("x-ms-blob-content-md5") or ""
            self.world.put(self._blob(), kept, contentType=self.headers.get("x-ms-blob-content-type") or "", md5=told)
        self.answer(201, b"", self._facts())

    def _remove(self) -> None:
        if self._blob() not in self.world.stored:
            self._refuse(404, "BlobNotFound")
        elif self._may():
            del self.world.stored[self._blob()]
            self.answer(202, b"")

    def _may(self) -> bool:
        """Whether the request's conditions hold; otherwise it has been refused."""
        there = self.world.stored.get(self._blob())
        if self.headers.get("If-None-Match") == "*" and there is not None:
            self._refuse(409, "BlobAlreadyExists")
            return False
        wanted = self.headers.get("If-Match")
        if wanted and (there is None or wanted != f'"{there.generation}"'):
            self._refuse(412, "ConditionNotMet")
            return False
        return True

    def _facts(self) -> dict[str, str]:
        there = self.world.stored.get(self._blob())
        facts = {"Last-Modified": "Sat, 03 Oct 2026 08:00:00 GMT", "x-ms-blob-type": "BlockBlob"}
        if there is not None:
            facts |= {"ETag": f'"{there.generation}"', "Content-Type": there.meta["contentType"] or "text/plain"}
        return facts

    def _xml(self, root: ET.Element) -> None:
        self.answer(200, ET.tostring(root, encoding="utf-8", xml_declaration=True), {"Content-Type": "application/xml"})

    def _refuse(self, status: int, code: str) -> None:
        said = f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>no</Message></Error>'
        self.answer(status, said.encode(), {"Content-Type": "application/xml", "x-ms-error-code": code})
