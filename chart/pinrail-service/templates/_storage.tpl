{{/*
What a pod of the service mounts, as YAML: {mounts, volumes, paths}. Files are everywhere;
a disk is the app's alone, because most disks can be on one machine only.
Takes: dict, root; disks is true for the app.
*/}}
{{- define "pinrail.storage" -}}
{{- $root := .root -}}
{{- $values := .root.Values -}}
{{- $mounts := list -}}
{{- $volumes := list -}}
{{- $paths := list -}}
{{- range $name, $volume := $values.volumes -}}
{{- $disk := int (get $volume "storage" | default 0) -}}
{{- if or (not $disk) $.disks -}}
{{- $mounts = append $mounts (dict "name" (printf "volume-%s" $name) "mountPath" $volume.mountPath) -}}
{{- $source := dict "emptyDir" dict -}}
{{- if $disk -}}
{{- $source = dict "persistentVolumeClaim" (dict "claimName" (include "pinrail.part" (list $root (printf "volume-%s" $name)))) -}}
{{- end -}}
{{- $volumes = append $volumes (merge (dict "name" (printf "volume-%s" $name)) $source) -}}
{{- $paths = append $paths $volume.mountPath -}}
{{- end -}}
{{- end -}}
{{- with $values.files -}}
{{- range $path, $content := . -}}
{{- $mounts = append $mounts (dict "name" "files" "mountPath" $path "subPath" (include "pinrail.file.key" $path) "readOnly" true) -}}
{{- $paths = append $paths $path -}}
{{- end -}}
{{- $volumes = append $volumes (dict "name" "files" "configMap" (dict "name" (include "pinrail.files.name" $root))) -}}
{{- end -}}
{{- if $values.secrets.enabled -}}
{{- with $values.secrets.filesFromVault -}}
{{- $items := list -}}
{{- range $path, $key := . -}}
{{- $file := include "pinrail.file.key" $path -}}
{{- $mounts = append $mounts (dict "name" "secret-files" "mountPath" $path "subPath" $file "readOnly" true) -}}
{{- $items = append $items (dict "key" $file "path" $file) -}}
{{- $paths = append $paths $path -}}
{{- end -}}
{{- $volumes = append $volumes (dict "name" "secret-files" "secret" (dict "secretName" (include "pinrail.part" (list $root "secrets")) "defaultMode" 288 "items" $items)) -}}
{{- end -}}
{{- end -}}
{{- range $path := $paths -}}
{{- if gt (sub (len $paths) (len (without $paths $path))) 1 -}}
{{- fail (printf "two of volumes, files and secrets.filesFromVault are mounted at `%s`" $path) -}}
{{- end -}}
{{- end -}}
{{- dict "mounts" $mounts "volumes" $volumes "paths" $paths | toYaml -}}
{{- end -}}

{{/* The ConfigMap of the files. It is named after its content, so that running pods keep theirs. */}}
{{- define "pinrail.files.name" -}}
{{- printf "%s--files-%s" (include "pinrail.service" .) (toJson .Values.files | sha256sum | trunc 8) -}}
{{- end -}}

{{/* "true" where a volume of the service is a disk. */}}
{{- define "pinrail.disks" -}}
{{- range .Values.volumes -}}
{{- if get . "storage" -}}true{{- end -}}
{{- end -}}
{{- end -}}
