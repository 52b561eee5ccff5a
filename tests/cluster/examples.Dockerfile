# A user's image for the definitions: a base with Python, and the data set that 02-weather looks at. Nothing of Upwell's.
ARG BASE=python:3.11-slim
FROM ${BASE}
ARG PIP_CERT
RUN pip install --no-cache-dir --no-deps vega_datasets==0.9.0
USER 65532:65532
