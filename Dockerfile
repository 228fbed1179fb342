# The app alone, on the CPU, as a user without rights. docs/SERVER.md
FROM python:3.12-slim
WORKDIR /app
COPY pre-requirements.txt requirements.txt ./
RUN pip install --no-cache-dir -r pre-requirements.txt && pip install --no-cache-dir -r requirements.txt
COPY LICENSE README.md app.py ./
COPY mat_core mat_core
COPY teaching teaching
COPY interface interface
COPY assets assets
COPY checkpoints checkpoints
RUN python -m compileall -q .
ENV GRADIO_SERVER_NAME=0.0.0.0 GRADIO_SERVER_PORT=7860 PYTHONDONTWRITEBYTECODE=1
USER 1000
EXPOSE 7860
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request as u; u.build_opener(u.ProxyHandler({})).open('http://127.0.0.1:7860/gradio_api/app_id', timeout=5)"]
CMD ["python", "app.py"]
