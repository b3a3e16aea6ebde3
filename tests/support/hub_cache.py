"""The Hugging Face cache laid out by hand, as huggingface_hub and transformers leave it."""

from support.fake_hub import git_sha1, sha256


def lay_out(cache, files, commit="c" * 40, revision="main"):
    """Fill the folder of a repository in the cache; returns the snapshot."""
    snapshot = cache / "snapshots" / commit
    for folder in (cache / "blobs", cache / "refs", snapshot):
        folder.mkdir(parents=True)
    (cache / "refs" / revision).write_text(commit)
    for name, content in files.items():
        checksum = sha256(content) if name.endswith((".safetensors", ".bin")) else git_sha1(content)
        (cache / "blobs" / checksum).write_bytes(content)
        (snapshot / name).symlink_to(f"../../blobs/{checksum}")
    return snapshot
