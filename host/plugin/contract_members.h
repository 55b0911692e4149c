/* contract_members.h: how the tables of members are written, and the list of all structs. A new
 * struct of the SDK gets a table in contract_core.c or contract_kinds.c and a word in the list. */
#ifndef PLUGIN_CONTRACT_MEMBERS_H
#define PLUGIN_CONTRACT_MEMBERS_H

#include "plugin/contract.h"

/* clang-format off */
/* Every struct askd_<name> of the SDK; text to error are frozen and have no size word. */
#define CONTRACT_STRUCTS(X) \
	X(text) X(bytes) X(value) X(values) X(error) X(call) X(header) X(file) X(host) \
	X(option) X(extension) X(plugin) X(object) X(db_connect) X(db_column) \
	X(db_reference) X(db_table) X(db_table_sink) X(db_describe) X(db_query) \
	X(db_result) X(db_fetch) X(batch) X(dialect) X(database_iface) X(http_chunk) \
	X(http_chunk_sink) X(http_request) X(http_response) X(http_service) X(tool_call) \
	X(llm_tool) X(llm_message) X(catalogue) X(task) X(llm_chunk) X(llm_chunk_sink) \
	X(llm_request) X(llm_reply) X(llm_model) X(llm_iface) X(llm_service) \
	X(remote_file) X(progress) X(progress_sink) X(event) X(outgoing_button) \
	X(outgoing_row) X(outgoing) X(outgone) X(notice) X(capabilities) \
	X(transport_iface) X(delivered) X(inbox_service) X(mail) X(mailer_iface) \
	X(attachment) X(turn) X(button) X(message) X(outcome) X(offer) X(reply) \
	X(turn_service) X(query_rows) X(query_rows_sink) X(query_run) X(query_result) \
	X(query_catalogue) X(query_service) X(migration) X(store_statement) X(store_read) \
	X(store_rows) X(store_write) X(store_service) X(command) X(skill_iface) \
	X(health_report) X(health) X(tool_result) X(tool) X(tools) X(verb_call) \
	X(verb_result) X(verb) X(verbs) X(hook_event) X(hook_verdict) X(hooks) \
	X(i18n_text) X(i18n_result) X(i18n_service) X(audit_entry) X(audit_service) \
	X(metric) X(metrics_service) X(listen_request) X(listen_socket) X(listen_service) \
	X(session) X(session_history) X(session_result) X(query_database) X(query_databases) \
	X(query_open) \
	X(web_request) X(web_response) X(web_verdict) X(web_data) X(web_server) \
	X(web_service) X(route) X(routes)
/* clang-format on */

#define X(name) extern const struct contract_struct contract_##name;
CONTRACT_STRUCTS(X)
#undef X

/* A table begins with STRUCT and ends with END. M: a member of that kind and privacy; S: one that
 * leads to another message (STRUCT, LIST) or to the items of a sink (SINK). */
#define STRUCT(name) static const struct contract_member members_##name[] = {
#define M(owner, member, kind, privacy)                                  \
	{                                                                \
#member, CONTRACT_##kind, CONTRACT_##privacy,            \
		        offsetof(struct askd_##owner, member),           \
		        sizeof(((struct askd_##owner *)0)->member), NULL \
	}
#define S(owner, member, kind, item)                                                             \
	{                                                                                        \
#member, CONTRACT_##kind, CONTRACT_PLAIN, offsetof(struct askd_##owner, member), \
		        sizeof(((struct askd_##owner *)0)->member), &contract_##item             \
	}
#define END(name)                                                                                  \
	}                                                                                          \
	;                                                                                          \
	const struct contract_struct contract_##name = {"askd_" #name, sizeof(struct askd_##name), \
	        sizeof members_##name / sizeof *members_##name, members_##name};
/* The sink that ASKD_SINK(askd_<item>) declares. */
#define SINK(item)                                                                      \
	STRUCT(item##_sink)                                                             \
	M(item##_sink, size, SIZE, PLAIN), M(item##_sink, reserved, RESERVED, PLAIN),   \
	        M(item##_sink, owner, STATIC, PLAIN), M(item##_sink, put, CODE, PLAIN), \
	        END(item##_sink)

#endif
