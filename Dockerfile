# Generates on a CPU, as any user, known or not, with a home or without: see docs/using.md.
FROM python:3.13-slim AS wheel
COPY . /source
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheel /source

FROM python:3.13-slim
# For pictures of words that are not ASCII.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends fonts-dejavu-core \
    && rm -rf /var/lib/apt/lists/*
RUN --mount=type=bind,from=wheel,source=/wheel,target=/wheel pip install --no-cache-dir /wheel/*.whl
WORKDIR /out
RUN chmod 1777 /out
USER 65534:65534
ENTRYPOINT ["scoresubnet"]
CMD ["--help"]
