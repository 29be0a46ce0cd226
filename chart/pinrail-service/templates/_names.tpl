{{/*
Names and labels. All come from what Pinrail says of the release, never from the developer.
*/}}

{{/* The service's name, which its main objects bear. */}}
{{- define "pinrail.service" -}}
{{- .Values.global.release.service -}}
{{- end -}}

{{/*
The name of a part of the service: `shop--worker-mailer`. No service's name holds `--`, so a
part of one service never has the name of another. What is longer than the strictest kind
allows (a CronJob, 52) is cut and told apart by a hash.
Takes: list, root and part.
*/}}
{{- define "pinrail.part" -}}
{{- $name := printf "%s--%s" (include "pinrail.service" (first .)) (last .) -}}
{{- if gt (len $name) 52 -}}
{{- printf "%s-%s" ($name | trunc 43 | trimSuffix "-") ($name | sha256sum | trunc 8) -}}
{{- else -}}
{{- $name -}}
{{- end -}}
{{- end -}}

{{/*
What selects the service's pods. Frozen for ever: selectors cannot be changed in place.
*/}}
{{- define "pinrail.selector" -}}
app.kubernetes.io/name: {{ include "pinrail.service" . }}
app.kubernetes.io/instance: {{ include "pinrail.service" . }}
{{- end -}}

{{/* What selects the pods of one part. Frozen for ever. Takes: list, root and component. */}}
{{- define "pinrail.selector.of" -}}
{{ include "pinrail.selector" (first .) }}
app.kubernetes.io/component: {{ last . }}
{{- end -}}

{{/* The labels of an object. Takes: list, root and component. */}}
{{- define "pinrail.labels" -}}
{{- $root := first . -}}
{{ include "pinrail.selector.of" . }}
app.kubernetes.io/part-of: {{ $root.Values.global.release.domain }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version | replace "+" "_" }}
pinrail.dev/domain: {{ $root.Values.global.release.domain }}
pinrail.dev/environment: {{ $root.Values.global.release.environment }}
{{- end -}}

{{/* The labels of a pod: a chart's version is not among them, or its update would restart every pod. */}}
{{- define "pinrail.pod.labels" -}}
{{- $root := first . -}}
{{ include "pinrail.selector.of" . }}
app.kubernetes.io/part-of: {{ $root.Values.global.release.domain }}
pinrail.dev/domain: {{ $root.Values.global.release.domain }}
pinrail.dev/environment: {{ $root.Values.global.release.environment }}
{{- end -}}

{{/*
The head of an object.
Takes: dict, root, component, wave; perhaps name, annotations, labels.
*/}}
{{- define "pinrail.metadata" -}}
{{- $at := list .root .component -}}
metadata:
  name: {{ .name | default (include "pinrail.part" $at) }}
  labels:
    {{- include "pinrail.labels" $at | nindent 4 }}
    {{- with .labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    {{- toYaml (merge (dict "argocd.argoproj.io/sync-wave" (toString .wave)) (.annotations | default dict)) | nindent 4 }}
{{- end -}}

{{/* Annotations of what holds data: Argo CD asks before it deletes what is no preview's. */}}
{{- define "pinrail.data.annotations" -}}
{{- if and .Values.global.platform.protectData (eq .Values.global.release.kind "permanent") -}}
argocd.argoproj.io/sync-options: Prune=confirm,Delete=confirm
{{- end -}}
{{- end -}}
