{{/* The hosts of the service, one to a line; a preview has its own alone. */}}
{{- define "pinrail.hosts" -}}
{{- $hosts := list .Values.global.release.host -}}
{{- if not (include "pinrail.preview" .) -}}
{{- $hosts = concat $hosts .Values.ingress.aliases -}}
{{- end -}}
{{- $hosts | uniq | toJson -}}
{{- end -}}

{{/* The api that makes the route, where there is one: without a host there is none. */}}
{{- define "pinrail.route.api" -}}
{{- if and .Values.ingress.enabled .Values.global.release.host (include "pinrail.web" .) -}}
{{- .Values.global.platform.routing.api -}}
{{- end -}}
{{- end -}}
