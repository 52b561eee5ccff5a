{{- define "upwell.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Names of what has no namespace: two releases of one name must not meet there. */}}
{{- define "upwell.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "upwell.fullname" .) -}}
{{- end -}}

{{/* What a selector asks for; never changed, a Deployment's selector is immutable. Takes (list $ "component"). */}}
{{- define "upwell.selector" -}}
{{- $top := index . 0 -}}
app.kubernetes.io/name: {{ default $top.Chart.Name $top.Values.nameOverride }}
app.kubernetes.io/instance: {{ $top.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Labels of an object. Takes (list $ "component"). */}}
{{- define "upwell.labels" -}}
{{- $top := index . 0 -}}
{{ include "upwell.selector" . }}
app.kubernetes.io/version: {{ $top.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: upwell
app.kubernetes.io/managed-by: {{ $top.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $top.Chart.Name $top.Chart.Version | replace "+" "_" }}
{{- with $top.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Labels of a pod: without versions, or every upgrade of the chart would start Valkey anew. Takes (list $ "component" values). */}}
{{- define "upwell.podLabels" -}}
{{ include "upwell.selector" . }}
app.kubernetes.io/part-of: upwell
{{- with (index . 0).Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- with (index . 2).podLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Takes (list image defaultTag). */}}
{{- define "upwell.image" -}}
{{- $image := index . 0 -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default (index . 1) $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* Of every container; PodSecurity `restricted` and more, and no value: nothing here needs less. */}}
{{- define "upwell.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* What says where a pod may run. Takes (list $ "component" its values). */}}
{{- define "upwell.placing" -}}
{{- $top := index . 0 -}}{{- $own := index . 2 -}}
{{- with $top.Values.imagePullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- with $own.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $own.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $own.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if has $own.spread (list "soft" "hard") }}
topologySpreadConstraints:
  - topologyKey: kubernetes.io/hostname
    maxSkew: 1
    whenUnsatisfiable: {{ eq $own.spread "hard" | ternary "DoNotSchedule" "ScheduleAnyway" }}
    labelSelector:
      matchLabels:
        {{- include "upwell.selector" (list $top (index . 1)) | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  - topologyKey: topology.kubernetes.io/zone
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "upwell.selector" (list $top (index . 1)) | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end -}}

{{/* The settings that operator and server share: names are those of settings.py. */}}
{{- define "upwell.sharedEnv" -}}
- {name: UPWELL_BIND, value: 0.0.0.0}
- {name: UPWELL_AUDIENCE, value: {{ .Values.settings.audience | quote }}}
{{- with .Values.watchNamespaces }}
- {name: UPWELL_NAMESPACES, value: {{ join "," . | quote }}}
{{- end }}
{{ include "upwell.redisEnv" . }}
{{- end -}}

{{- define "upwell.redisEnv" -}}
{{- $redis := .Values.redis -}}
{{- if .Values.valkey.enabled -}}
{{- $host := printf "%s-valkey.%s.svc:6379/0" (include "upwell.fullname" .) .Release.Namespace -}}
{{- if .Values.valkey.existingSecret.name -}}
- name: VALKEY_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .Values.valkey.existingSecret.name }}, key: {{ .Values.valkey.existingSecret.key }}}}
- {name: UPWELL_REDIS_URL, value: "redis://:$(VALKEY_PASSWORD)@{{ $host }}"}
{{- else -}}
- {name: UPWELL_REDIS_URL, value: "redis://{{ $host }}"}
{{- end }}
{{- else if $redis.existingSecret.name -}}
- name: UPWELL_REDIS_URL
  valueFrom: {secretKeyRef: {name: {{ $redis.existingSecret.name }}, key: {{ $redis.existingSecret.key }}}}
{{- else -}}
- {name: UPWELL_REDIS_URL, value: {{ $redis.url | quote }}}
{{- end }}
{{- if $redis.tls.caSecret }}
- {name: UPWELL_REDIS_CA, value: /etc/upwell/redis/{{ $redis.tls.caKey }}}
{{- end }}
- {name: UPWELL_REDIS_CLUSTER, value: {{ $redis.cluster | quote }}}
- {name: UPWELL_REDIS_SHARDS, value: {{ $redis.shards | quote }}}
- {name: UPWELL_REDIS_REPLICAS, value: {{ $redis.replicas | quote }}}
{{- end -}}

{{- define "upwell.mounts" -}}
- {name: tmp, mountPath: /tmp}
{{- if .Values.redis.tls.caSecret }}
- {name: redis-ca, mountPath: /etc/upwell/redis, readOnly: true}
{{- end }}
{{- end -}}

{{- define "upwell.volumes" -}}
- {name: tmp, emptyDir: {}}
{{- with .Values.redis.tls }}
{{- if .caSecret }}
- name: redis-ca
  secret: {secretName: {{ .caSecret }}, items: [{key: {{ .caKey }}, path: {{ .caKey }}}]}
{{- end }}
{{- end }}
{{- end -}}

{{- define "upwell.probes" -}}
startupProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 2, failureThreshold: 60}
livenessProbe: {httpGet: {path: /healthz, port: http}, timeoutSeconds: 5, failureThreshold: 6}
readinessProbe: {httpGet: {path: /readyz, port: http}, periodSeconds: 5, timeoutSeconds: 3}
{{- end -}}

{{/* What a schema cannot say: values that contradict each other. Every refusal says what to do. */}}
{{- define "upwell.check" -}}
{{- $redis := .Values.redis -}}
{{- $external := or $redis.url $redis.existingSecret.name -}}
{{- if and $redis.url $redis.existingSecret.name -}}
{{- fail "redis.url and redis.existingSecret.name are both set: a Redis has one URL; give one of them" -}}
{{- end -}}
{{- if and .Values.valkey.enabled $external -}}
{{- fail "an external Redis is given and valkey.enabled is true: history is in one place; set valkey.enabled=false, or leave the external one out" -}}
{{- end -}}
{{- if not (or .Values.valkey.enabled $external) -}}
{{- fail "there is no Redis: set redis.url or redis.existingSecret.name, or valkey.enabled=true for the chart's own" -}}
{{- end -}}
{{- if and $redis.url (regexMatch "^[a-z]+://[^/]*:[^/@]+@" $redis.url) -}}
{{- fail "redis.url has a password in it, which everybody could read in the Deployment: put the whole URL in a Secret and name it in redis.existingSecret" -}}
{{- end -}}
{{- if and .Values.valkey.enabled (or $redis.cluster $redis.tls.caSecret (gt (int $redis.replicas) 0)) -}}
{{- fail "redis.cluster, redis.tls and redis.replicas are of an external Redis: the chart's own Valkey is one pod without TLS; set valkey.enabled=false, or leave them out" -}}
{{- end -}}
{{- with .Values.server.autoscaling -}}
{{- if and .enabled (lt (int .maxReplicas) (int .minReplicas)) -}}
{{- fail (printf "server.autoscaling: maxReplicas is %d and minReplicas %d; the greatest number cannot be the smaller one" (int .maxReplicas) (int .minReplicas)) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.server.ingress.enabled (not .Values.server.ingress.host) -}}
{{- fail "server.ingress.enabled is true and server.ingress.host is empty: name the host" -}}
{{- end -}}
{{- if and .Values.server.httpRoute.enabled (not .Values.server.httpRoute.parentRefs) -}}
{{- fail "server.httpRoute.enabled is true and server.httpRoute.parentRefs is empty: name the Gateway" -}}
{{- end -}}
{{- end -}}
