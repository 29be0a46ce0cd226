{{/*
The database's Secret, which each provider writes with the same keys: uri, jdbc-uri, host, port,
dbname, username, password. CloudNativePG gives it its name.
*/}}
{{- define "pinrail.postgres.secret" -}}
{{- include "pinrail.part" (list . "db") }}-app
{{- end -}}

{{/* How many instances the database has. */}}
{{- define "pinrail.postgres.instances" -}}
{{- $instances := .Values.global.platform.postgres.instances -}}
{{- get $instances .Values.global.release.kind | int -}}
{{- end -}}
