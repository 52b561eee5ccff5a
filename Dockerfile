# The one image: operator, server, and the SDK that is copied into users' pods. Any base with Python 3.11 or newer will do;
# both stages must use the same one, because the virtual environment points to its interpreter.
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# certificates of a proxy, when the build has to go through one; not kept in the image
ARG PIP_CERT
COPY requirements/*.txt /src/requirements/
RUN python3 -m venv /build \
 && python3 -m venv --without-pip /opt/upwell/venv \
 && /build/bin/pip install --require-hashes -r /src/requirements/build.txt \
 && /build/bin/pip --python /opt/upwell/venv/bin/python install --require-hashes -r /src/requirements/runtime.txt
COPY pyproject.toml README.md LICENSE /src/
COPY sdk /src/sdk
COPY operator /src/operator
# --target is where runs' init container copies the SDK from; its bytecode is for images with this Python, others ignore it
RUN cd /src \
 && /build/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels ./sdk . \
 && /build/bin/pip --python /opt/upwell/venv/bin/python install --no-deps --no-index /wheels/*.whl \
 && /build/bin/pip --python /opt/upwell/venv/bin/python check \
 && /build/bin/pip install --no-deps --no-index --no-compile --target /opt/upwell/sdk /wheels/upwell-*.whl \
 && /build/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/upwell/sdk

FROM ${BASE}
COPY --from=build /opt/upwell /opt/upwell
# the user has no entry in /etc/passwd, in OpenShift it is any number at all: kopf asks who it is, and gets this name
# three threads of one interpreter need no three heaps
ENV PATH=/opt/upwell/venv/bin:/usr/local/bin:/usr/bin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    LOGNAME=upwell HOME=/tmp MALLOC_ARENA_MAX=1
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["upwell"]
