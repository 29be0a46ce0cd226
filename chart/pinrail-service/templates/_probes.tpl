{{/*
How the kubelet asks whether the process is up: by its path, or else whether the port is open.
`host` is never given, which Pod Security bars.
*/}}
{{- define "pinrail.probe" -}}
{{- if .Values.health.path -}}
httpGet:
  path: {{ .Values.health.path | quote }}
  port: http
{{- else -}}
tcpSocket:
  port: http
{{- end -}}
{{- end -}}

{{/*
A slow start is not a failure, and a slow answer takes requests away before it takes the pod
away: liveness is only for who asks for it.
*/}}
{{- define "pinrail.probes" -}}
startupProbe:
  {{- include "pinrail.probe" . | nindent 2 }}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: {{ divf .Values.health.startupSeconds 5 | ceil | int | max 1 }}
readinessProbe:
  {{- include "pinrail.probe" . | nindent 2 }}
  periodSeconds: 10
  timeoutSeconds: 3
{{- if .Values.health.liveness }}
livenessProbe:
  {{- include "pinrail.probe" . | nindent 2 }}
  periodSeconds: 20
  timeoutSeconds: 5
  failureThreshold: 3
{{- end }}
{{- end -}}

{{/* The ports of the app's container; metrics may have one of their own. */}}
{{- define "pinrail.ports" -}}
{{- $metrics := include "pinrail.metrics.port" . | int -}}
{{- if .Values.port }}
- name: http
  containerPort: {{ .Values.port }}
  protocol: TCP
{{- end }}
{{- if and $metrics (ne $metrics (int .Values.port)) }}
- name: metrics
  containerPort: {{ $metrics }}
  protocol: TCP
{{- end }}
{{- end -}}

{{/* The port of the metrics; 0 where there are none. */}}
{{- define "pinrail.metrics.port" -}}
{{- if .Values.metrics.enabled -}}
{{- $port := .Values.metrics.port | default .Values.port | int -}}
{{- if not $port -}}
{{- fail "metrics.port is missing: with `port: 0` there is no other port that metrics could be on" -}}
{{- end -}}
{{- $port -}}
{{- else -}}0{{- end -}}
{{- end -}}
