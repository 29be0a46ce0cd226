{{/*
Values as Kubernetes wants them.
*/}}

{{/* A scalar as text: Helm reads every number as a float, and 1000000 must not become 1e+06. */}}
{{- define "pinrail.text" -}}
{{- if kindIs "string" . -}}{{ . }}{{- else if not (kindIs "invalid" .) -}}{{ toJson . }}{{- end -}}
{{- end -}}

{{/*
Text that a process gets as it is written: Kubernetes would read `$(NAME)` as a variable and
`$$` as one `$`.
*/}}
{{- define "pinrail.literal" -}}
{{- $text := include "pinrail.text" . -}}
{{- if or (contains "$(" $text) (contains "$$" $text) -}}
{{- $text | replace "$" "$$" -}}
{{- else -}}
{{- $text -}}
{{- end -}}
{{- end -}}

{{/* A list of such texts, as JSON. */}}
{{- define "pinrail.literals" -}}
{{- $texts := list -}}
{{- range . -}}{{- $texts = append $texts (include "pinrail.literal" .) -}}{{- end -}}
{{- toJson $texts -}}
{{- end -}}

{{/*
A `scale` as JSON: {min, max, cpu}. A preview has one pod.
Takes: list, root and the scale.
*/}}
{{- define "pinrail.scale" -}}
{{- $scale := last . -}}
{{- $all := dict "min" 1 "max" 1 "cpu" 70 -}}
{{- if kindIs "map" $scale -}}
{{- $min := get $scale "min" | default 1 | int -}}
{{- $all = dict "min" $min "max" (get $scale "max" | default $min | int) "cpu" (get $scale "cpu" | default 70 | int) -}}
{{- else if not (kindIs "invalid" $scale) -}}
{{- $all = dict "min" (int $scale) "max" (int $scale) "cpu" 70 -}}
{{- end -}}
{{- if lt $all.max $all.min -}}
{{- fail (printf "scale: `max` (%d) is below `min` (%d)" $all.max $all.min) -}}
{{- end -}}
{{- if include "pinrail.preview" (first .) -}}
{{- $_ := set $all "min" (min 1 $all.min) -}}
{{- $_ := set $all "max" (min 1 $all.max) -}}
{{- end -}}
{{- toJson $all -}}
{{- end -}}

{{/*
The resources of a `size`. Memory has a limit, so that a leak hurts its own pod; CPU has none,
so that what nobody uses can be used.
Takes: list, root and the size.
*/}}
{{- define "pinrail.resources" -}}
{{- $sizes := (first .).Values.global.platform.sizes -}}
{{- $size := last . -}}
{{- if kindIs "string" $size -}}
{{- if not (hasKey $sizes $size) -}}
{{- fail (printf "size: there is no size `%s`; the platform has %s" $size (keys $sizes | sortAlpha | join ", ")) -}}
{{- end -}}
{{- $size = get $sizes $size -}}
{{- end -}}
requests:
  cpu: {{ include "pinrail.text" $size.cpu | quote }}
  memory: {{ $size.memory | quote }}
limits:
  memory: {{ $size.memory | quote }}
{{- end -}}

{{/* The platform's class for a disk, if it has one. */}}
{{- define "pinrail.storageClass" -}}
{{- with .Values.global.platform.storageClass -}}
storageClassName: {{ . }}
{{- end -}}
{{- end -}}

{{/* The key of a file in a ConfigMap or Secret: its name for people, a hash of its path to tell them apart. */}}
{{- define "pinrail.file.key" -}}
{{- printf "%s-%s" (sha256sum . | trunc 8) (base .) -}}
{{- end -}}

{{/* A directory in Vault, or a text, with `{domain}`, `{service}` and `{environment}` filled in. */}}
{{- define "pinrail.filled" -}}
{{- $release := (first .).Values.global.release -}}
{{- last . | replace "{domain}" $release.domain | replace "{service}" $release.service | replace "{environment}" $release.environment -}}
{{- end -}}
