# One image for the worker and for the fake of the service; see docker-compose.yml.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --upgrade "pip>=25.1"
# The releases that pyproject.toml pins, first: they change less often than our code.
COPY pyproject.toml ./
RUN /venv/bin/pip install --no-cache-dir --group runtime
COPY LICENSE README.md phanedge_celery_commands.py ./
COPY phanedge_celery ./phanedge_celery
RUN /venv/bin/pip install --no-cache-dir ".[redis]"

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin phanedge
COPY --from=build /venv /venv
COPY examples /app/examples
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app/examples
USER 10001
# No HEALTHCHECK here: what healthy means differs by service.
CMD ["celery", "-A", "compose_app", "worker", "-Q", "phanedge", "-l", "INFO"]
