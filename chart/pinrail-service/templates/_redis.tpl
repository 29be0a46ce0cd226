{{/*
What the Secret of Redis holds: the connection, and the server's password as a file of its
configuration, so that it is in no command line. The Secret is written once.
*/}}
{{- define "pinrail.redis.template" -}}
{{- $name := include "pinrail.part" (list . "redis") -}}
data:
  host: {{ $name }}
  port: "6379"
  password: {{ "{{ .password }}" | quote }}
  uri: {{ printf "redis://:{{ .password }}@%s:6379/0" $name | quote }}
  valkey.conf: {{ "requirepass {{ .password }}" | quote }}
{{- end -}}

{{/* The server's further configuration, as a list in JSON. A cache drops its oldest entries; what is on a disk is kept. */}}
{{- define "pinrail.redis.args" -}}
{{- $args := list "/etc/valkey/valkey.conf" "--dir" "/data" "--maxmemory" (printf "%dmb" (mulf .Values.global.platform.redis.memory 0.75 | int)) -}}
{{- if .Values.redis.storage -}}
{{- concat $args (list "--maxmemory-policy" "noeviction" "--appendonly" "yes") | toJson -}}
{{- else -}}
{{- concat $args (list "--maxmemory-policy" "allkeys-lru" "--appendonly" "no" "--save" "") | toJson -}}
{{- end -}}
{{- end -}}

{{/* Its port, and how the kubelet asks for it. */}}
{{- define "pinrail.redis.container" -}}
ports:
  - name: redis
    containerPort: 6379
    protocol: TCP
readinessProbe:
  tcpSocket:
    port: redis
  periodSeconds: 5
livenessProbe:
  tcpSocket:
    port: redis
  periodSeconds: 20
{{- end -}}

{{/* Its configuration, and where its data is. */}}
{{- define "pinrail.redis.volumes" -}}
- name: configuration
  secret:
    secretName: {{ include "pinrail.part" (list . "redis") }}
    defaultMode: 0440
    items:
      - key: valkey.conf
        path: valkey.conf
- name: data
  {{- if .Values.redis.storage }}
  persistentVolumeClaim:
    claimName: {{ include "pinrail.part" (list . "redis") }}
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- end -}}
