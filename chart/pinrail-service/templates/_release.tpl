{{/*
What Pinrail says of the release, and whether the developer means the same service. Release
values are strings, whatever they look like, and are compared as strings.
*/}}
{{- define "pinrail.release.check" -}}
{{- $global := .Values.global -}}
{{- $release := $global.release -}}
{{- $missing := list -}}
{{- range $key := list "environment" "kind" "domain" "service" -}}
{{- if not (get $release $key) -}}{{- $missing = append $missing $key -}}{{- end -}}
{{- end -}}
{{- if not $release.image.repository -}}{{- $missing = append $missing "image.repository" -}}{{- end -}}
{{- if not (or $release.image.tag $release.image.digest) -}}{{- $missing = append $missing "image.tag" -}}{{- end -}}
{{- if $missing -}}
{{- fail (printf "global.release lacks %s: Pinrail gives it; `pinrail render SERVICE -e ENVIRONMENT` shows a service as Argo CD gets it" (join ", " $missing)) -}}
{{- else -}}
{{- range $key := list "domain" "service" -}}
{{- $own := get $global $key -}}
{{- $true := get $release $key -}}
{{- if not $own -}}
{{- fail (printf "global.%s is missing: write `%s: %s` under `global:` in values.yaml" $key $key $true) -}}
{{- else if ne (toString $own) $true -}}
{{- fail (printf "global.%s is `%v`, but this is the %s `%s`: values.yaml belongs to another service, or its name was changed" $key $own $key $true) -}}
{{- end -}}
{{- end -}}
{{- if contains "--" $release.service -}}
{{- fail (printf "the service `%s` has `--` in its name, which keeps the parts of services apart: give it another name" $release.service) -}}
{{- end -}}
{{- if not (regexMatch "^[a-z]" $release.service) -}}
{{- fail (printf "the service `%s` begins with a digit, and a Service in Kubernetes must begin with a letter: give it another name" $release.service) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* "true" for a preview, otherwise empty. */}}
{{- define "pinrail.preview" -}}
{{- if eq .Values.global.release.kind "preview" -}}true{{- end -}}
{{- end -}}

{{/* The image: by digest if there is one, and the tag beside it for people. */}}
{{- define "pinrail.image" -}}
{{- $image := .Values.global.release.image -}}
{{- $image.repository -}}
{{- with $image.tag -}}:{{ . }}{{- end -}}
{{- with $image.digest -}}@{{ . }}{{- end -}}
{{- end -}}
