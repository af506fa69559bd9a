# Speaks words from a label on a CPU, without torch, as whatever user runs it:
#   docker build -t scoresubnet .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD/out:/out" scoresubnet generate seven --out /out
FROM python:3.13-slim AS wheel
COPY . /source
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /source

FROM python:3.13-slim
RUN --mount=from=wheel,source=/wheels,target=/wheels pip install --no-cache-dir /wheels/*.whl
USER 65534:65534
ENTRYPOINT ["scoresubnet"]
CMD ["--help"]
