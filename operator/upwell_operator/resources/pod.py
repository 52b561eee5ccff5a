"""How a run of an asset looks as a pod: the same template for `observe` and `materialize`.

The parts that are Kubernetes' own (volumes, a pod's spec) are typed as far as a mistake is likely and kept as they are
otherwise; the API server judges them when the Job is tried by a dry run.

Limits: what becomes of these fields is `domain.workloads`.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field

from upwell_operator.resources.model import Int, Model, Name, Open, Rule, Text, Unique

Image = Annotated[str, Text("an image is written without spaces, such as registry.example/shop:1.4", r"^\S+$", 1024)]
Function = Annotated[
    str,
    Text(
        'a function is written "module:function", such as shop.sources:raw_orders',
        r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*$",
    ),
]
Argument = Annotated[str, Field(strict=True, max_length=65536)]
MountPath = Annotated[str, Text("a mount path begins with a slash, such as /data", r"^/[^:]*$", 1024)]
LONGEST_SECONDS = 604800
"""A week: longer than any run should take."""
VariableName = Annotated[str, Text("a variable is named without spaces or =, such as BUCKET", r"^[^=\s]+$", 253)]


class Python(Model):
    """A Python function, called by Upwell's runner."""

    function: Function = Field(
        description="The function as `module:function`, for example `shop.sources:raw_orders`. It is decorated with "
        "`observable_source_asset` or `asset` of the package `upwell`, and found on PYTHONPATH or in `code`. A "
        "variable that holds the `Definitions` of Dagster stands for the function that runs the asset of this key."
    )


class Container(Model):
    """Any image; no Python needed."""

    image: Image = Field(description="The image to run, for example `registry.example/checks:2.0`.")
    command: tuple[Argument, ...] = Field(
        (), max_length=256, description="Replaces the image's entry point, for example `[sh, -c]`."
    )
    args: tuple[Argument, ...] = Field(
        (), max_length=256, description="Arguments of the command. `$(NAME)` stands for an environment variable."
    )
    working_dir: Annotated[str, Field(strict=True, max_length=1024)] | None = Field(
        None, description="The folder in which the command starts; the image's own if left out."
    )


class EnvVar(Model):
    """One environment variable."""

    name: VariableName = Field(
        description="Name of the variable. Names that begin with UPWELL_ are Upwell's own; "
        "UPWELL_CONFIG has the values of a function's Config, as JSON."
    )
    value: Annotated[str, Field(strict=True, max_length=65536)] | None = Field(
        None, description='The value as text; numbers and true/false need quotes: "3".'
    )
    value_from: dict[str, Any] | None = Field(
        None, description="Where the value comes from, as in a pod, for example a secretKeyRef."
    )
    rules: ClassVar = (
        Rule(
            "give either value or valueFrom, not both; remove one of them",
            cel="!(has(self.value) && has(self.valueFrom))",
            holds=lambda variable: variable.value is None or variable.value_from is None,
            path=".valueFrom",
        ),
    )


class VolumeMount(Open):
    """Where a volume is seen in the run's container; fields as in a pod."""

    name: Name = Field(description="Name of one of `volumes`.")
    mount_path: MountPath = Field(description="Where the container sees it, for example `/data`.")


class Volume(Open):
    """A volume; fields as in a pod."""

    name: Name = Field(description="Name by which `volumeMounts` refers to the volume.")


class Resources(Open):
    """What the run's container asks for, and may use at most."""

    requests: dict[str, int | str] = Field(
        default_factory=dict, description="What is set aside for it, for example `{cpu: 100m, memory: 128Mi}`."
    )
    limits: dict[str, int | str] = Field(
        default_factory=dict, description="What it may use at most, for example `{memory: 512Mi}`."
    )


class Code(Model):
    """Where Python files come from that are not in the image."""

    config_map: Name = Field(
        description="A ConfigMap of the asset's namespace; every entry becomes a file in /upwell/code, on PYTHONPATH. "
        "A kustomize configMapGenerator over your .py files is enough."
    )


class PodMetadata(Model):
    """Labels and annotations of the run's pod."""

    labels: dict[str, str] = Field(
        default_factory=dict, description="Labels added to the pod, for example a queue of Kueue. Upwell's own win."
    )
    annotations: dict[str, str] = Field(default_factory=dict, description="Annotations added to the pod.")


class PodTemplate(Model):
    """Everything else a pod can have."""

    metadata: PodMetadata | None = Field(None, description="Labels and annotations of the pod.")
    spec: dict[str, Any] | None = Field(
        None,
        description="Any fields of a PodSpec, for example `{nodeSelector: {disk: ssd}}`. The run's own container is "
        "called `run`.",
    )


_BOTH = Rule(
    "give either python or container, not both; remove one of them",
    cel="!(has(self.python) && has(self.container))",
    holds=lambda run: run.python is None or run.container is None,
    path=".container",
    reason="FieldValueForbidden",
)
_NEITHER = Rule(
    "give python (a function for Upwell to call) or container (an image to run)",
    cel="has(self.python) || has(self.container)",
    holds=lambda run: run.python is not None or run.container is not None,
    reason="FieldValueRequired",
)
_IMAGE = Rule(
    "image belongs to python; with container, write the image as container.image and remove this field",
    cel="!(has(self.container) && has(self.image))",
    holds=lambda run: run.container is None or run.image is None,
    path=".image",
    reason="FieldValueForbidden",
)


class RunTemplate(Model):
    """What a run of the asset is: a Python function or a container, and the pod around it."""

    rules: ClassVar = (_BOTH, _NEITHER, _IMAGE)

    python: Python | None = Field(
        None, description="Call a Python function. The image needs python3 and what the function imports; not Upwell."
    )
    container: Container | None = Field(
        None,
        description="Run any image. It writes its result as JSON to the file named by $UPWELL_RESULT, for example "
        '`{"dataVersion": "42", "metadata": {"rows": 1200}}`.',
    )
    image: Image | None = Field(
        None,
        description="With `python`: the image that holds the function and its libraries, for example "
        "`registry.example/shop:1.4`. Left out: Upwell's own image, which has Python and nothing of yours.",
    )
    env: Annotated[tuple[EnvVar, ...], Unique(("name",))] = Field(
        (), max_length=256, description="Environment variables, for example `[{name: BUCKET, value: raw}]`."
    )
    env_from: tuple[dict[str, Any], ...] = Field(
        (), max_length=64, description="ConfigMaps and Secrets whose entries all become variables, as in a pod."
    )
    volumes: Annotated[tuple[Volume, ...], Unique(("name",))] = Field(
        (),
        max_length=64,
        description="Volumes of the pod, for example `[{name: data, persistentVolumeClaim: {claimName: raw}}]`.",
    )
    volume_mounts: Annotated[tuple[VolumeMount, ...], Unique(("mount_path",))] = Field(
        (),
        max_length=64,
        description="Where the run sees them, for example `[{name: data, mountPath: /data, readOnly: true}]`.",
    )
    resources: Resources | None = Field(
        None, description="CPU and memory of the run, for example `{requests: {cpu: 100m, memory: 128Mi}}`."
    )
    service_account_name: Name | None = Field(
        None, description="The ServiceAccount that the pod runs as; the namespace's `default` if left out."
    )
    code: Code | None = Field(
        None,
        description="Files from a ConfigMap, seen in /upwell/code: modules that are not in the image, or scripts.",
    )
    pod_template: PodTemplate | None = Field(
        None,
        description="Anything else that a pod can have, merged onto what Upwell builds as `kubectl patch` would "
        "merge it: node selectors, tolerations, sidecars, labels.",
    )
    timeout_seconds: Int | None = Field(
        None,
        ge=1,
        le=LONGEST_SECONDS,
        description="The run is ended and counts as failed after this many seconds, retries included. Left out: what "
        "the ObservationJob says that the run belongs to, else 3600.",
    )
    retries: Int | None = Field(
        None,
        ge=0,
        le=100,
        description="How often a failed run is tried again. A pod that was preempted or evicted does not count, and an "
        "error that no retry can mend (a function that does not exist) is not tried again. Left out: what the "
        "ObservationJob says that the run belongs to, else 2.",
    )
