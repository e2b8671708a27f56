# The image for JupyterHub's single-user servers. Build it in the root of this repository:
#
#     docker build --file binder/hub.Dockerfile --tag wasmwheel-hub .
#
# Toolchains, runtimes and seeds are in a read-only store that all users share.
FROM quay.io/jupyter/base-notebook:python-3.12

USER root
RUN apt-get update \
    && apt-get install --yes --no-install-recommends build-essential curl \
    && rm -rf /var/lib/apt/lists/*
COPY . /tmp/jupyter-wasmwheel
RUN WASMWHEEL_HOME=/opt/wasmwheel /tmp/jupyter-wasmwheel/binder/prepare \
    && rm -rf /tmp/jupyter-wasmwheel /root/.cargo

ENV WASMWHEEL_PATH=/opt/wasmwheel
USER ${NB_UID}
