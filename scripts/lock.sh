#!/bin/sh
# Pins every third-party package with its hashes. Index addresses stay out of the file: it must install anywhere.
set -eu
cd "$(dirname "$0")/.."
members="protos producers gateway router edge console mesh clients/python"
skip=""
for name in kull-protos kull-producers kull-gateway kull-router kull-edge kull-console kull-mesh kull-client; do
    skip="$skip --no-emit-package $name"
done
for member in $members; do echo "-e ./$member"; done |
    sed -e 's|./router|./router[postgres]|' -e 's|./mesh|./mesh[traces]|' |
    .venv/bin/uv pip compile - --group dev --universal --python-version 3.11 --generate-hashes \
        --no-header --no-annotate --no-emit-index-url $skip -o requirements.lock "$@"
