# One image for all that docker-compose.yml runs of ours: the sites, their workers,
# Flower, and the fake of the service.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --upgrade "pip>=25.1"
# The releases that pyproject.toml names, first: they change less often than our code.
COPY pyproject.toml ./
RUN /venv/bin/pip install --no-cache-dir --group runtime --group site
COPY LICENSE README.md phanedge_celery_commands.py ./
COPY phanedge_celery ./phanedge_celery
RUN /venv/bin/pip install --no-cache-dir ".[redis,django,flask,callback]"

FROM python:3.13-slim
# What a new volume on /data begins with, so that the user may write there.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin phanedge \
    && install --directory --owner=10001 --group=10001 /data
COPY --from=build /venv /venv
COPY examples /app/examples
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 SITE_DATA=/data
WORKDIR /app/examples/django_site
USER 10001
# No HEALTHCHECK here: what healthy means differs by service.
CMD ["celery", "-A", "project", "worker", "-Q", "phanedge", "-l", "INFO"]
