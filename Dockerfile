# Images of Magpie. `docker build --target light -t magpie:light .`, or cpu or cuda; docs/operations.md says how to run them.
ARG BASE=docker.io/library/debian:bookworm-slim

# ---- programs: web pages (chromium), office documents as they look (LibreOffice, fonts), OCR of more scripts (Tesseract)
FROM ${BASE} AS runtime
ARG PROGRAMS="bubblewrap chromium fonts-crosextra-caladea fonts-crosextra-carlito fonts-liberation libatomic1 libreoffice-nogui tesseract-ocr tesseract-ocr-osd"
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates python3 ${PROGRAMS} \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home --home-dir /data --shell /usr/sbin/nologin magpie \
    && chmod 700 /data
ENV PATH=/opt/magpie/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/data MAGPIE_DATA=/data SLACK_HEALTH_PORT=8467 \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER magpie
WORKDIR /data
VOLUME /data
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['SLACK_HEALTH_PORT'] + '/health', timeout=4)"]
ENTRYPOINT ["magpie"]
CMD ["run"]

# ---- packages: each checked against its hash; modules are compiled here because the root file system is read-only later
FROM ${BASE} AS build
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/magpie
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src

FROM build AS light-packages
COPY constraints-light.txt ./
RUN /opt/magpie/bin/pip install --no-deps --require-hashes -r constraints-light.txt
COPY . ./
RUN /opt/magpie/bin/pip install --no-deps --no-build-isolation . && /opt/magpie/bin/pip uninstall -y setuptools pip

FROM build AS all-packages
COPY constraints.txt ./
RUN /opt/magpie/bin/pip install --no-deps --require-hashes -r constraints.txt
COPY . ./
RUN /opt/magpie/bin/pip install --no-deps --no-build-isolation . && /opt/magpie/bin/pip uninstall -y pip

# ---- images
FROM runtime AS cpu
COPY --from=all-packages /opt/magpie /opt/magpie

FROM cpu AS cuda
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility

FROM runtime AS light
COPY --from=light-packages /opt/magpie /opt/magpie
