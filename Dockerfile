# Another source of the base image: --build-arg BASE=…
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
# A package index of your own: --build-arg PIP_INDEX_URL=…
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/gongkai
# The dependencies, pinned with hashes: this layer is built anew only when the lock changes.
COPY requirements.lock ./
RUN /opt/gongkai/bin/pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY app ./app
COPY migrations ./migrations
RUN /opt/gongkai/bin/pip install --no-deps --no-build-isolation .

FROM ${BASE}
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin gongkai \
 && install -d -o gongkai -g gongkai /data
COPY --from=build /opt/gongkai /opt/gongkai
ENV PATH=/opt/gongkai/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    GONGKAI_HOST=0.0.0.0 \
    GONGKAI_PORT=8000
USER 10001:10001
# From here the default database is /data/gongkai.db; a variable or a file in /run/secrets names another.
WORKDIR /
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:%s/healthz' % os.environ['GONGKAI_PORT'], timeout=3)"]
CMD ["gongkai", "serve"]
