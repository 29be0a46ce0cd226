{{/*
A Deployment of the service's image.
Takes: dict, root, component, name, command, args, size, scale; perhaps container, disks.
*/}}
{{- define "pinrail.deployment" -}}
{{- $scale := include "pinrail.scale" (list .root .scale) | fromJson -}}
apiVersion: apps/v1
kind: Deployment
{{ include "pinrail.metadata" (dict "root" .root "component" .component "wave" 0 "name" .name "annotations" (include "pinrail.reload" .root | fromYaml)) }}
spec:
  {{- if le $scale.max $scale.min }}
  replicas: {{ $scale.min }}
  {{- end }}
  revisionHistoryLimit: 2
  # A start that is allowed to be slow is not a failed rollout.
  progressDeadlineSeconds: {{ add .root.Values.health.startupSeconds 300 | max 600 }}
  {{- if .disks }}
  strategy:
    type: Recreate
  {{- else }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 1
  {{- end }}
  selector:
    matchLabels:
      {{- include "pinrail.selector.of" (list .root .component) | nindent 6 }}
  template:
    {{- include "pinrail.pod.own" (merge (dict "fields" (include "pinrail.spread" (list .root .component))) .) | nindent 4 }}
{{- end -}}

{{/*
What goes with a Deployment of more than one pod: who scales it, and how many a drain may take.
Takes: the same.
*/}}
{{- define "pinrail.scaling" -}}
{{- $scale := include "pinrail.scale" (list .root .scale) | fromJson -}}
{{- $at := dict "root" .root "component" .component "wave" 10 "name" .name -}}
{{- if gt $scale.max $scale.min }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
{{ include "pinrail.metadata" $at }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ .name }}
  minReplicas: {{ $scale.min }}
  maxReplicas: {{ $scale.max }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ $scale.cpu }}
{{- end }}
{{- if ge (int $scale.min) 2 }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
{{ include "pinrail.metadata" $at }}
spec:
  maxUnavailable: 1
  # A pod that is not ready anyway must not hold back a drain.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "pinrail.selector.of" (list .root .component) | nindent 6 }}
{{- end }}
{{- end -}}

{{/*
The spec of a Job that runs once and is not tried again, unless its machine went away.
Takes: dict, root, component, command, args, size, timeoutSeconds.
*/}}
{{- define "pinrail.job.spec" -}}
backoffLimit: 0
{{- with .timeoutSeconds }}
activeDeadlineSeconds: {{ int64 . }}
{{- end }}
podReplacementPolicy: Failed
podFailurePolicy:
  rules:
    - action: Ignore
      onPodConditions:
        - type: DisruptionTarget
          status: "True"
template:
  {{- include "pinrail.pod.own" (merge (dict "fields" "restartPolicy: Never") .) | nindent 2 }}
{{- end -}}

{{/* Whether pods restart when one of their Secrets changes. */}}
{{- define "pinrail.reload" -}}
{{- if eq .Values.global.platform.secrets.reload "reloader" -}}
reloader.stakater.com/auto: "true"
{{- end -}}
{{- end -}}
