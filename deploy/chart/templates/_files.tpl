{{- /* files that service and workers read, and the variables that name them */ -}}
{{- define "unmask.files.environment" -}}
{{- if .Values.secrets.reportKey }}
- {name: UNMASK_REPORT_KEY_FILE, value: /report-key/report_key.pem}
{{- end }}
{{- if .Values.trustConfigMap }}
- {name: UNMASK_C2PA_TRUST_FILE, value: /trust/trust.pem}
{{- end }}
{{- end }}

{{- define "unmask.files.volumeMounts" -}}
{{- if .Values.secrets.reportKey }}
- {name: report-key, mountPath: /report-key, readOnly: true}
{{- end }}
{{- if .Values.trustConfigMap }}
- {name: trust, mountPath: /trust, readOnly: true}
{{- end }}
{{- end }}

{{- define "unmask.files.volumes" -}}
{{- with .Values.secrets.reportKey }}
- name: report-key
  secret:
    secretName: {{ . }}
    items: [{key: report_key.pem, path: report_key.pem}]
    defaultMode: 0440
{{- end }}
{{- with .Values.trustConfigMap }}
- name: trust
  configMap:
    name: {{ . }}
    items: [{key: trust.pem, path: trust.pem}]
{{- end }}
{{- end }}
