{{/*
What a schema cannot say, because it needs more than one value or the platform's.
*/}}
{{- define "pinrail.check" -}}
{{- include "pinrail.release.check" . -}}
{{- $platform := .Values.global.platform -}}
{{- $scale := include "pinrail.scale" (list . .Values.scale) | fromJson -}}
{{- range $name, $volume := .Values.volumes -}}
{{- if and (get $volume "storage") (gt (int $scale.max) 1) -}}
{{- fail (printf "scale: `volumes.%s` is a disk, which one pod can use at a time: leave out `scale`, or the volume's `storage`" $name) -}}
{{- end -}}
{{- end -}}
{{- range $host := .Values.ingress.aliases -}}
{{- $fits := "" -}}
{{- range $suffix := $platform.aliases -}}
{{- if or (eq $host $suffix) (hasSuffix (printf ".%s" $suffix) $host) -}}{{- $fits = "true" -}}{{- end -}}
{{- end -}}
{{- if not $fits -}}
{{- fail (printf "ingress.aliases: `%s` does not end in what the platform allows: %s" $host (join ", " $platform.aliases | default "nothing")) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.ingress.rewrite (eq $platform.routing.api "ingress") (ne .Values.ingress.path "/") (not $platform.routing.rewriteAnnotations) -}}
{{- fail "ingress.rewrite: this platform's ingress controller is not told how to take a path off (global.platform.routing.rewriteAnnotations)" -}}
{{- end -}}
{{- if and .Values.postgres.enabled (eq $platform.postgres.provider "crossplane") -}}
{{- if not (and $platform.postgres.crossplane.apiVersion $platform.postgres.crossplane.kind) -}}
{{- fail "global.platform.postgres.crossplane needs an apiVersion and a kind" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* "true" where there is a main process; with `scale: 0` there is none. */}}
{{- define "pinrail.app" -}}
{{- $scale := include "pinrail.scale" (list . .Values.scale) | fromJson -}}
{{- if gt (int $scale.max) 0 -}}true{{- end -}}
{{- end -}}

{{/* "true" where there is a main process that listens. */}}
{{- define "pinrail.web" -}}
{{- if .Values.port -}}{{- include "pinrail.app" . -}}{{- end -}}
{{- end -}}
