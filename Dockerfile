FROM python:3.12.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    ENV_FILE="" \
    DATA_DIR=/data

# The number is fixed, so that files in the volume keep their owner.
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin inro \
    && install --directory --owner=inro --group=inro --mode=0700 /data
WORKDIR /app

COPY requirements.txt ./
RUN pip install -r requirements.txt

COPY manage.py ./
COPY inro inro/
COPY media_library media_library/
COPY messaging messaging/
COPY automations automations/
COPY templates templates/
# Readable for that user, whatever the files' rights were where the image is built.
RUN chmod -R a+rX . && python -m compileall -q .

USER inro
VOLUME /data
EXPOSE 8000
CMD ["granian", "--interface", "wsgi", "inro.wsgi:application", "--host", "0.0.0.0", "--port", "8000", "--workers", "1", "--blocking-threads", "16", "--respawn-failed-workers", "--log-level", "error"]
