# One image for every role; the command says which: kull router, kull edge, kull gateway, kull console.
ARG BASE=python:3.11-slim
ARG NODE=node:22-slim

FROM ${NODE} AS page
WORKDIR /src/clients/web
COPY clients/web/package.json clients/web/package-lock.json clients/web/.npmrc ./
COPY clients/web/apps/console/package.json apps/console/
COPY clients/web/apps/demo/package.json apps/demo/
COPY clients/web/packages/sync/package.json packages/sync/
COPY clients/web/packages/sync-react/package.json packages/sync-react/
RUN npm ci --ignore-scripts
COPY clients/web/apps apps
COPY clients/web/packages packages
RUN npm run build -w @kull/demo && npm run build -w @kull/console

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN python -m venv /opt/kull
COPY docker/requirements.lock ./
RUN /opt/kull/bin/pip install --require-hashes -r requirements.lock
COPY protos protos
COPY producers producers
COPY gateway gateway
COPY router router
COPY edge edge
COPY console console
COPY clients/python clients/python
COPY mesh mesh
COPY --from=page /src/mesh/kull_mesh/play/pages mesh/kull_mesh/play/pages
COPY --from=page /src/console/kull_console/pages console/kull_console/pages
RUN /opt/kull/bin/pip install --no-deps --no-build-isolation \
    ./protos ./producers ./gateway ./router ./edge ./console ./clients/python ./mesh && /opt/kull/bin/pip check

FROM ${BASE}
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/kull kull
ENV PATH=/opt/kull/bin:$PATH PYTHONUNBUFFERED=1 KULL_HOME=/var/lib/kull KULL_DATA=/var/lib/kull/data \
    KULL_GRPC_HOST=0.0.0.0 KULL_EDGE_HOST=0.0.0.0 KULL_GATEWAY_HOST=0.0.0.0 \
    KULL_CONSOLE_HOST=0.0.0.0
WORKDIR /var/lib/kull
USER kull
COPY --from=build /opt/kull /opt/kull
COPY examples /opt/kull/examples
COPY docker/router_ready.py docker/http_ready.py /opt/kull/
# A named volume inherits the owner of the folder it covers.
RUN mkdir -p data console certs/authority certs/router certs/edge certs/operator certs/viewer
# Router, edge, gateway, console.
EXPOSE 7400 5000 8080 5080
CMD ["kull", "--help"]
