{{/* The pods of a namespace. */}}
{{- define "pinrail.peer.namespace" -}}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ . }}
{{- end -}}

{{/*
The pods of a service, named `service` or `domain/service`. A domain's namespace is known by
its labels, and is the one of the same environment.
Takes: list, root and name.
*/}}
{{- define "pinrail.peer.service" -}}
{{- $release := (first .).Values.global.release -}}
{{- $parts := splitList "/" (last .) -}}
{{- $domain := ternary (first $parts) $release.domain (gt (len $parts) 1) -}}
- podSelector:
    matchLabels:
      app.kubernetes.io/name: {{ last $parts }}
  {{- if ne $domain $release.domain }}
  namespaceSelector:
    matchLabels:
      pinrail.dev/domain: {{ $domain }}
      pinrail.dev/environment: {{ $release.environment }}
  {{- end }}
{{- end -}}

{{/* The internet: every address that is not private. */}}
{{- define "pinrail.peer.internet" -}}
{{- $ranges := .Values.global.platform.network.privateRanges -}}
{{- range $all := list "0.0.0.0/0" "::/0" -}}
{{- $except := list -}}
{{- range $ranges -}}
{{- if eq (contains ":" .) (contains ":" $all) -}}{{- $except = append $except . -}}{{- end -}}
{{- end }}
- ipBlock:
    cidr: {{ $all | quote }}
    {{- with $except }}
    except: {{ toJson . }}
    {{- end }}
{{- end -}}
{{- end -}}

{{/*
One entry of `network.allowTo` as a rule. Takes: list, root and entry: `service`,
`domain/service`, `host:port` or `address/bits:port`.
*/}}
{{- define "pinrail.rule.to" -}}
{{- $root := first . -}}
{{- $entry := last . -}}
{{- if not (contains ":" $entry) -}}
- to:
    {{- include "pinrail.peer.service" . | nindent 4 }}
{{- else -}}
{{- $port := splitList ":" $entry | last -}}
{{- $place := trimSuffix (printf ":%s" $port) $entry -}}
- ports:
    - protocol: TCP
      port: {{ $port }}
  {{- if contains "/" $place }}
  to:
    - ipBlock:
        cidr: {{ $place | trimAll "[]" | quote }}
  {{- else if eq $root.Values.global.platform.network.hostNames "refuse" }}
  {{- fail (printf "network.allowTo: `%s` names a host, and this platform's network policies know addresses only: write address/bits:port" $entry) }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/* Selects the pods of the service's own image. */}}
{{- define "pinrail.selector.own" -}}
matchLabels:
  {{- include "pinrail.selector" . | nindent 2 }}
matchExpressions:
  - key: app.kubernetes.io/component
    operator: NotIn
    values: [redis]
{{- end -}}

{{/* Whom the service's own pods may call. */}}
{{- define "pinrail.egress" -}}
{{- $platform := .Values.global.platform -}}
{{- if .Values.postgres.enabled }}
- to:
    {{- if eq $platform.postgres.provider "cnpg" }}
    - podSelector:
        matchLabels:
          cnpg.io/cluster: {{ include "pinrail.part" (list . "db") }}
    {{- else }}
    {{- range $platform.postgres.crossplane.ranges }}
    - ipBlock:
        cidr: {{ . | quote }}
    {{- end }}
    {{- end }}
  ports:
    - protocol: TCP
      port: 5432
{{- end }}
{{- if .Values.redis.enabled }}
- to:
    - podSelector:
        matchLabels:
          {{- include "pinrail.selector.of" (list . "redis") | nindent 10 }}
  ports:
    - protocol: TCP
      port: 6379
{{- end }}
{{- if $platform.network.internetEgress }}
- to:
    {{- include "pinrail.peer.internet" . | trim | nindent 4 }}
{{- end }}
{{- range .Values.network.allowTo }}
{{ include "pinrail.rule.to" (list $ .) }}
{{- end }}
{{- end -}}

{{/* Who may call the app. */}}
{{- define "pinrail.ingress" -}}
{{- $network := .Values.global.platform.network -}}
{{- $metrics := include "pinrail.metrics.port" . | int -}}
{{- if include "pinrail.web" . -}}
{{- if include "pinrail.route.api" . }}
- from:
    {{- include "pinrail.peer.namespace" $network.gatewayNamespace | nindent 4 }}
  ports:
    - protocol: TCP
      port: {{ .Values.port }}
{{- end }}
{{- with .Values.network.allowFrom }}
- from:
    {{- range . }}
    {{- include "pinrail.peer.service" (list $ .) | nindent 4 }}
    {{- end }}
  ports:
    - protocol: TCP
      port: {{ $.Values.port }}
{{- end }}
{{- end }}
{{- if and $metrics .Values.global.platform.monitoring.enabled }}
- from:
    {{- include "pinrail.peer.namespace" $network.monitoringNamespace | nindent 4 }}
  ports:
    - protocol: TCP
      port: {{ $metrics }}
{{- end }}
{{- end -}}
