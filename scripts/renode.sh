#!/bin/sh
# Unpacks Renode, which is in no package index, into a folder:
#
#   sh scripts/renode.sh DIR            downloads the release below and unpacks it if its checksum is right
#   sh scripts/renode.sh DIR ARCHIVE    the same with an archive that is already here
#   export PATH=DIR:$PATH               then `renode` and `renode-test` are found; for renode-test also:
#   python3 -m pip install -r DIR/tests/requirements.txt
#
# The release is pinned, because its models and the words of its monitor change between releases. The checksum is the one that several
# projects recorded independently of the portable Linux build with .NET inside; of that build the system needs libicu alone.
set -eu

version=1.16.1
sha256=00e113cdbd0f5354cf2f64bbe3f5a070d8958409542fca66e45ac97d982938c0
url=https://github.com/renode/renode/releases/download/v$version/renode-$version.linux-portable-dotnet.tar.gz

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: sh scripts/renode.sh DIR [ARCHIVE]" >&2
    exit 2
fi
folder=$1
made=""
if [ $# -eq 2 ]; then
    archive=$2
    [ -r "$archive" ] || { echo "error: $archive: cannot be read. Name the archive of Renode $version: $url" >&2 && exit 2; }
else
    made=$(mktemp)
    trap 'rm -f "$made"' EXIT
    archive=$made
    curl --fail --location --silent --show-error --retry 3 --output "$archive" "$url" || {
        echo "error: $url: cannot be downloaded. Check the network, or name an archive that is here." >&2
        exit 2
    }
fi

found=$(sha256sum "$archive" | cut -d " " -f 1)
if [ "$found" != "$sha256" ]; then
    echo "error: $archive: its SHA-256 is $found, expected $sha256. It is not Renode $version as it was released:" \
        "nothing was unpacked. Download it again from $url." >&2
    exit 1
fi
mkdir -p "$folder"
tar -xzf "$archive" -C "$folder" --strip-components=1
echo "Renode $version is in $folder. Run: export PATH=$folder:\$PATH" >&2
