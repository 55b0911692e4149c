/* contract_kinds.c: the members of what transport.h, mailer.h, skill.h and extensions.h define. */
#include "plugin/contract_members.h"

/* clang-format off */

/* ---- askd/transport.h ---- */
STRUCT(remote_file)
M(remote_file, size, SIZE, PLAIN),
M(remote_file, fd, FD, PLAIN),
M(remote_file, length, INTEGER, PLAIN),
M(remote_file, ref, TEXT, PLAIN),
M(remote_file, name, TEXT, CONTENT),
M(remote_file, mime, TEXT, PLAIN),
END(remote_file)

STRUCT(progress)
M(progress, size, SIZE, PLAIN),
M(progress, kind, INTEGER, PLAIN),
M(progress, stage, TEXT, PLAIN),
M(progress, text, TEXT, CONTENT),
END(progress)

SINK(progress)

STRUCT(event)
M(event, size, SIZE, PLAIN),
M(event, kind, INTEGER, PLAIN),
M(event, flags, INTEGER, PLAIN),
M(event, reserved, RESERVED, PLAIN),
M(event, at_us, INTEGER, PLAIN),
M(event, key, TEXT, PLAIN),
M(event, conversation, TEXT, PLAIN),
M(event, thread, TEXT, PLAIN),
M(event, sender, TEXT, CONTENT),
M(event, sender_name, TEXT, CONTENT),
M(event, forwarded_from, TEXT, CONTENT),
M(event, language, TEXT, PLAIN),
M(event, text, TEXT, CONTENT),
M(event, message, TEXT, PLAIN),
M(event, token, TEXT, SECRET),
M(event, database, TEXT, PLAIN),
M(event, tables, JSON, PLAIN),
M(event, address, TEXT, CONTENT),
M(event, reply_to, TEXT, PLAIN),
S(event, files, LIST, remote_file),
S(event, progress, SINK, progress),
END(event)

STRUCT(outgoing_button)
M(outgoing_button, size, SIZE, PLAIN),
M(outgoing_button, reserved, RESERVED, PLAIN),
M(outgoing_button, label, TEXT, CONTENT),
M(outgoing_button, token, TEXT, SECRET),
END(outgoing_button)

STRUCT(outgoing_row)
M(outgoing_row, size, SIZE, PLAIN),
M(outgoing_row, reserved, RESERVED, PLAIN),
S(outgoing_row, buttons, LIST, outgoing_button),
END(outgoing_row)

STRUCT(outgoing)
M(outgoing, size, SIZE, PLAIN),
M(outgoing, flags, INTEGER, PLAIN),
M(outgoing, id, INTEGER, PLAIN),
M(outgoing, conversation, TEXT, PLAIN),
M(outgoing, thread, TEXT, PLAIN),
M(outgoing, edits, TEXT, PLAIN),
M(outgoing, text, TEXT, CONTENT),
S(outgoing, rows, LIST, outgoing_row),
S(outgoing, files, LIST, file),
END(outgoing)

STRUCT(outgone)
M(outgone, size, SIZE, PLAIN),
M(outgone, reserved, RESERVED, PLAIN),
M(outgone, message, TEXT, PLAIN),
END(outgone)

STRUCT(notice)
M(notice, size, SIZE, PLAIN),
M(notice, kind, INTEGER, PLAIN),
M(notice, conversation, TEXT, PLAIN),
M(notice, thread, TEXT, PLAIN),
M(notice, token, TEXT, SECRET),
M(notice, text, TEXT, CONTENT),
END(notice)

STRUCT(capabilities)
M(capabilities, size, SIZE, PLAIN),
M(capabilities, flags, INTEGER, PLAIN),
M(capabilities, text_max, INTEGER, PLAIN),
M(capabilities, file_max, INTEGER, PLAIN),
M(capabilities, token_max, INTEGER, PLAIN),
M(capabilities, per_second, INTEGER, PLAIN),
M(capabilities, per_conversation_second, INTEGER, PLAIN),
M(capabilities, per_conversation_minute, INTEGER, PLAIN),
M(capabilities, per_group_minute, INTEGER, PLAIN),
M(capabilities, reserved, RESERVED, PLAIN),
END(capabilities)

STRUCT(transport_iface)
M(transport_iface, size, SIZE, PLAIN),
M(transport_iface, flags, INTEGER, PLAIN),
M(transport_iface, run, CODE, PLAIN),
M(transport_iface, send, CODE, PLAIN),
M(transport_iface, notice, CODE, PLAIN),
M(transport_iface, fetch, CODE, PLAIN),
M(transport_iface, capabilities, CODE, PLAIN),
END(transport_iface)

STRUCT(delivered)
M(delivered, size, SIZE, PLAIN),
M(delivered, flags, INTEGER, PLAIN),
M(delivered, id, INTEGER, PLAIN),
END(delivered)

STRUCT(inbox_service)
M(inbox_service, size, SIZE, PLAIN),
M(inbox_service, reserved, RESERVED, PLAIN),
M(inbox_service, deliver, CODE, PLAIN),
END(inbox_service)

/* ---- askd/mailer.h ---- */
STRUCT(mail)
M(mail, size, SIZE, PLAIN),
M(mail, reserved, RESERVED, PLAIN),
M(mail, id, TEXT, PLAIN),
M(mail, from, TEXT, CONTENT),
S(mail, to, LIST, header),
S(mail, message, STRUCT, file),
END(mail)

STRUCT(mailer_iface)
M(mailer_iface, size, SIZE, PLAIN),
M(mailer_iface, flags, INTEGER, PLAIN),
M(mailer_iface, send, CODE, PLAIN),
END(mailer_iface)

/* ---- askd/skill.h ---- */
STRUCT(attachment)
M(attachment, size, SIZE, PLAIN),
M(attachment, flags, INTEGER, PLAIN),
M(attachment, id, INTEGER, PLAIN),
M(attachment, length, INTEGER, PLAIN),
M(attachment, name, TEXT, CONTENT),
M(attachment, mime, TEXT, PLAIN),
END(attachment)

STRUCT(turn)
M(turn, size, SIZE, PLAIN),
M(turn, kind, INTEGER, PLAIN),
M(turn, flags, INTEGER, PLAIN),
M(turn, reserved, RESERVED, PLAIN),
M(turn, id, INTEGER, PLAIN),
M(turn, conversation, INTEGER, PLAIN),
M(turn, person, INTEGER, PLAIN),
M(turn, organisation, INTEGER, PLAIN),
M(turn, database, INTEGER, PLAIN),
M(turn, now_us, INTEGER, PLAIN),
M(turn, language, TEXT, PLAIN),
M(turn, zone, TEXT, PLAIN),
M(turn, command, TEXT, PLAIN),
M(turn, text, TEXT, CONTENT),
M(turn, action, TEXT, PLAIN),
M(turn, data, TEXT, CONTENT),
M(turn, state, JSON, CONTENT),
M(turn, tables, JSON, PLAIN),
S(turn, files, LIST, attachment),
END(turn)

STRUCT(button)
M(button, size, SIZE, PLAIN),
M(button, flags, INTEGER, PLAIN),
M(button, label, TEXT, CONTENT),
M(button, action, TEXT, PLAIN),
M(button, data, TEXT, CONTENT),
END(button)

STRUCT(message)
M(message, size, SIZE, PLAIN),
M(message, flags, INTEGER, PLAIN),
M(message, edits, INTEGER, PLAIN),
M(message, person, INTEGER, PLAIN),
M(message, text, TEXT, CONTENT),
M(message, sql, TEXT, CONTENT),
M(message, explanation, TEXT, CONTENT),
M(message, details, JSON, CONTENT),
S(message, columns, LIST, db_column),
S(message, table, STRUCT, batch),
S(message, buttons, LIST, button),
S(message, files, LIST, attachment),
END(message)

STRUCT(outcome)
M(outcome, size, SIZE, PLAIN),
M(outcome, status, INTEGER, PLAIN),
M(outcome, state_ms, INTEGER, PLAIN),
M(outcome, awaits, INTEGER, PLAIN),
M(outcome, state, JSON, CONTENT),
END(outcome)

STRUCT(offer)
M(offer, size, SIZE, PLAIN),
M(offer, milli, INTEGER, PLAIN),
M(offer, why, TEXT, CONTENT),
END(offer)

STRUCT(reply)
M(reply, size, SIZE, PLAIN),
M(reply, kind, INTEGER, PLAIN),
M(reply, turn, INTEGER, PLAIN),
M(reply, object, JSON, CONTENT),
M(reply, retry_after_ms, INTEGER, PLAIN),
END(reply)

STRUCT(turn_service)
M(turn_service, size, SIZE, PLAIN),
M(turn_service, reserved, RESERVED, PLAIN),
M(turn_service, reply, CODE, PLAIN),
M(turn_service, progress, CODE, PLAIN),
M(turn_service, post, CODE, PLAIN),
M(turn_service, ask, CODE, PLAIN),
M(turn_service, history, CODE, PLAIN),
M(turn_service, forget, CODE, PLAIN),
M(turn_service, cancel, CODE, PLAIN),
END(turn_service)

STRUCT(session)
M(session, size, SIZE, PLAIN),
M(session, turns, INTEGER, PLAIN),
M(session, turn, INTEGER, PLAIN),
M(session, name, TEXT, PLAIN),
END(session)

STRUCT(session_history)
M(session_history, size, SIZE, PLAIN),
M(session_history, count, INTEGER, PLAIN),
M(session_history, turns, JSON, CONTENT),
END(session_history)

STRUCT(session_result)
M(session_result, size, SIZE, PLAIN),
M(session_result, count, INTEGER, PLAIN),
END(session_result)

STRUCT(query_rows)
M(query_rows, size, SIZE, PLAIN),
M(query_rows, reserved, RESERVED, PLAIN),
S(query_rows, columns, LIST, db_column),
S(query_rows, batch, STRUCT, batch),
END(query_rows)

SINK(query_rows)

STRUCT(query_run)
M(query_run, size, SIZE, PLAIN),
M(query_run, max_rows, INTEGER, PLAIN),
M(query_run, database, INTEGER, PLAIN),
M(query_run, sql, TEXT, CONTENT),
M(query_run, params, VALUES, CONTENT),
S(query_run, rows, SINK, query_rows),
M(query_run, flags, INTEGER, PLAIN),
M(query_run, reserved, RESERVED, PLAIN),
END(query_run)

STRUCT(query_result)
M(query_result, size, SIZE, PLAIN),
M(query_result, flags, INTEGER, PLAIN),
M(query_result, rows, INTEGER, PLAIN),
M(query_result, elapsed_us, INTEGER, PLAIN),
M(query_result, verdict, TEXT, PLAIN),
END(query_result)

STRUCT(query_catalogue)
M(query_catalogue, size, SIZE, PLAIN),
M(query_catalogue, flags, INTEGER, PLAIN),
M(query_catalogue, database, INTEGER, PLAIN),
M(query_catalogue, question, TEXT, CONTENT),
M(query_catalogue, tables, JSON, PLAIN),
END(query_catalogue)

STRUCT(query_service)
M(query_service, size, SIZE, PLAIN),
M(query_service, reserved, RESERVED, PLAIN),
M(query_service, run, CODE, PLAIN),
M(query_service, catalogue, CODE, PLAIN),
M(query_service, databases, CODE, PLAIN),
M(query_service, open, CODE, PLAIN),
END(query_service)

STRUCT(query_database)
M(query_database, size, SIZE, PLAIN),
M(query_database, reserved, RESERVED, PLAIN),
M(query_database, handle, INTEGER, PLAIN),
M(query_database, name, TEXT, PLAIN),
M(query_database, dialect, TEXT, PLAIN),
END(query_database)

STRUCT(query_databases)
M(query_databases, size, SIZE, PLAIN),
M(query_databases, reserved, RESERVED, PLAIN),
S(query_databases, databases, LIST, query_database),
END(query_databases)

STRUCT(query_open)
M(query_open, size, SIZE, PLAIN),
M(query_open, reserved, RESERVED, PLAIN),
M(query_open, address, TEXT, SECRET),
END(query_open)

STRUCT(migration)
M(migration, size, SIZE, PLAIN),
M(migration, number, INTEGER, PLAIN),
M(migration, sql, STRING, PLAIN),
END(migration)

STRUCT(store_statement)
M(store_statement, size, SIZE, PLAIN),
M(store_statement, expect, INTEGER, PLAIN),
M(store_statement, sql, TEXT, CONTENT),
M(store_statement, params, VALUES, CONTENT),
END(store_statement)

STRUCT(store_read)
M(store_read, size, SIZE, PLAIN),
M(store_read, max_rows, INTEGER, PLAIN),
M(store_read, sql, TEXT, CONTENT),
M(store_read, params, VALUES, CONTENT),
END(store_read)

STRUCT(store_rows)
M(store_rows, size, SIZE, PLAIN),
M(store_rows, reserved, RESERVED, PLAIN),
S(store_rows, columns, LIST, db_column),
S(store_rows, batch, STRUCT, batch),
END(store_rows)

STRUCT(store_write)
M(store_write, size, SIZE, PLAIN),
M(store_write, flags, INTEGER, PLAIN),
S(store_write, statements, LIST, store_statement),
END(store_write)

STRUCT(store_service)
M(store_service, size, SIZE, PLAIN),
M(store_service, reserved, RESERVED, PLAIN),
M(store_service, read, CODE, PLAIN),
M(store_service, write, CODE, PLAIN),
END(store_service)

STRUCT(command)
M(command, size, SIZE, PLAIN),
M(command, flags, INTEGER, PLAIN),
M(command, name, STRING, PLAIN),
M(command, usage, STRING, PLAIN),
M(command, help, STRING, PLAIN),
M(command, permission, STRING, PLAIN),
END(command)

STRUCT(skill_iface)
M(skill_iface, size, SIZE, PLAIN),
M(skill_iface, flags, INTEGER, PLAIN),
M(skill_iface, commands, STATIC, PLAIN),
M(skill_iface, migrations, STATIC, PLAIN),
M(skill_iface, offer, CODE, PLAIN),
M(skill_iface, handle, CODE, PLAIN),
#ifdef ASKD_TEST_NEXT_MINOR
M(skill_iface, newer, CODE, PLAIN),
#endif
END(skill_iface)

/* ---- askd/extensions.h ---- */
STRUCT(health_report)
M(health_report, size, SIZE, PLAIN),
M(health_report, status, INTEGER, PLAIN),
M(health_report, reason, TEXT, PLAIN),
END(health_report)

STRUCT(health)
M(health, size, SIZE, PLAIN),
M(health, reserved, RESERVED, PLAIN),
M(health, report, CODE, PLAIN),
END(health)

STRUCT(tool_result)
M(tool_result, size, SIZE, PLAIN),
M(tool_result, reserved, RESERVED, PLAIN),
M(tool_result, json, JSON, CONTENT),
END(tool_result)

STRUCT(tool)
M(tool, size, SIZE, PLAIN),
M(tool, flags, INTEGER, PLAIN),
M(tool, name, STRING, PLAIN),
M(tool, description, STRING, PLAIN),
M(tool, schema, STRING, PLAIN),
M(tool, permission, STRING, PLAIN),
M(tool, run, CODE, PLAIN),
END(tool)

STRUCT(tools)
M(tools, size, SIZE, PLAIN),
M(tools, reserved, RESERVED, PLAIN),
M(tools, tools, STATIC, PLAIN),
END(tools)

STRUCT(verb_call)
M(verb_call, size, SIZE, PLAIN),
M(verb_call, in, FD, PLAIN),
M(verb_call, out, FD, PLAIN),
M(verb_call, err, FD, PLAIN),
M(verb_call, args, JSON, CONTENT),
M(verb_call, config, TEXT, PLAIN),
END(verb_call)

STRUCT(verb_result)
M(verb_result, size, SIZE, PLAIN),
M(verb_result, status, INTEGER, PLAIN),
END(verb_result)

STRUCT(verb)
M(verb, size, SIZE, PLAIN),
M(verb, flags, INTEGER, PLAIN),
M(verb, name, STRING, PLAIN),
M(verb, usage, STRING, PLAIN),
M(verb, help, STRING, PLAIN),
M(verb, run, CODE, PLAIN),
END(verb)

STRUCT(verbs)
M(verbs, size, SIZE, PLAIN),
M(verbs, reserved, RESERVED, PLAIN),
M(verbs, verbs, STATIC, PLAIN),
END(verbs)

STRUCT(hook_event)
M(hook_event, size, SIZE, PLAIN),
M(hook_event, status, INTEGER, PLAIN),
S(hook_event, turn, STRUCT, turn),
S(hook_event, message, STRUCT, message),
END(hook_event)

STRUCT(hook_verdict)
M(hook_verdict, size, SIZE, PLAIN),
M(hook_verdict, verdict, INTEGER, PLAIN),
M(hook_verdict, text, TEXT, CONTENT),
M(hook_verdict, reason, TEXT, CONTENT),
END(hook_verdict)

STRUCT(hooks)
M(hooks, size, SIZE, PLAIN),
M(hooks, reserved, RESERVED, PLAIN),
M(hooks, before, CODE, PLAIN),
M(hooks, after, CODE, PLAIN),
END(hooks)

STRUCT(i18n_text)
M(i18n_text, size, SIZE, PLAIN),
M(i18n_text, reserved, RESERVED, PLAIN),
M(i18n_text, count, INTEGER, PLAIN),
M(i18n_text, language, TEXT, PLAIN),
M(i18n_text, text, TEXT, PLAIN),
M(i18n_text, plural, TEXT, PLAIN),
S(i18n_text, args, LIST, header),
END(i18n_text)

STRUCT(i18n_result)
M(i18n_result, size, SIZE, PLAIN),
M(i18n_result, reserved, RESERVED, PLAIN),
M(i18n_result, text, TEXT, CONTENT),
END(i18n_result)

STRUCT(i18n_service)
M(i18n_service, size, SIZE, PLAIN),
M(i18n_service, reserved, RESERVED, PLAIN),
M(i18n_service, text, CODE, PLAIN),
END(i18n_service)

STRUCT(audit_entry)
M(audit_entry, size, SIZE, PLAIN),
M(audit_entry, reserved, RESERVED, PLAIN),
M(audit_entry, action, TEXT, PLAIN),
M(audit_entry, subject, TEXT, PLAIN),
M(audit_entry, details, JSON, CONTENT),
END(audit_entry)

STRUCT(audit_service)
M(audit_service, size, SIZE, PLAIN),
M(audit_service, reserved, RESERVED, PLAIN),
M(audit_service, write, CODE, PLAIN),
END(audit_service)

STRUCT(metric)
M(metric, size, SIZE, PLAIN),
M(metric, reserved, RESERVED, PLAIN),
M(metric, name, TEXT, PLAIN),
M(metric, label, TEXT, PLAIN),
M(metric, value, INTEGER, PLAIN),
END(metric)

STRUCT(metrics_service)
M(metrics_service, size, SIZE, PLAIN),
M(metrics_service, reserved, RESERVED, PLAIN),
M(metrics_service, add, CODE, PLAIN),
M(metrics_service, observe, CODE, PLAIN),
END(metrics_service)

STRUCT(listen_request)
M(listen_request, size, SIZE, PLAIN),
M(listen_request, flags, INTEGER, PLAIN),
M(listen_request, address, TEXT, PLAIN),
END(listen_request)

STRUCT(listen_socket)
M(listen_socket, size, SIZE, PLAIN),
M(listen_socket, fd, FD, PLAIN),
END(listen_socket)

STRUCT(listen_service)
M(listen_service, size, SIZE, PLAIN),
M(listen_service, reserved, RESERVED, PLAIN),
M(listen_service, open, CODE, PLAIN),
END(listen_service)
        /* clang-format on */
