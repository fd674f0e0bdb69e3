#!/bin/sh
# Writes docker/requirements.lock: the part of requirements.lock that the image installs, with hashes.
# Run it after scripts/lock.sh; a test checks that both agree.
set -eu
cd "$(dirname "$0")/.."
skip=""
for name in kull-protos kull-producers kull-gateway kull-router kull-edge kull-console kull-mesh kull-client; do
    skip="$skip --no-emit-package $name"
done
printf '%s\n' "-e ./protos" "-e ./producers" "-e ./gateway" "-e ./router[postgres]" "-e ./edge" \
    "-e ./console" "-e ./clients/python" "-e ./mesh[traces]" hatchling pillow |
    .venv/bin/uv pip compile - --constraint requirements.lock --universal --python-version 3.11 \
        --generate-hashes --no-header --no-annotate --no-emit-index-url $skip \
        -q -o docker/requirements.lock
