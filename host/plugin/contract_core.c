/* contract_core.c: the members of what askd.h, database.h, http.h and llm.h define. One line a
 * member; the macros are in contract_members.h. */
#include "plugin/contract_members.h"

/* clang-format off */

/* ---- askd/askd.h ---- */
STRUCT(text)
M(text, s, RAW, PLAIN),
M(text, n, INTEGER, PLAIN),
END(text)

STRUCT(bytes)
M(bytes, p, RAW, PLAIN),
M(bytes, n, INTEGER, PLAIN),
END(bytes)

STRUCT(value)
M(value, type, INTEGER, PLAIN),
M(value, flags, INTEGER, PLAIN),
M(value, len, INTEGER, PLAIN),
M(value, u, RAW, PLAIN),
END(value)

STRUCT(values)
M(values, v, RAW, PLAIN),
M(values, n, INTEGER, PLAIN),
END(values)

STRUCT(error)
M(error, code, INTEGER, PLAIN),
M(error, detail, INTEGER, PLAIN),
M(error, retry_after_ms, INTEGER, PLAIN),
M(error, flags, INTEGER, PLAIN),
M(error, position, INTEGER, PLAIN),
M(error, reserved, RESERVED, PLAIN),
M(error, native, CHARS, PLAIN),
M(error, message, CHARS, CONTENT),
END(error)

STRUCT(call)
M(call, size, SIZE, PLAIN),
M(call, flags, INTEGER, PLAIN),
M(call, id, INTEGER, PLAIN),
M(call, deadline_us, INTEGER, PLAIN),
M(call, cancel, STATIC, PLAIN),
M(call, alloc, CODE, PLAIN),
END(call)

STRUCT(header)
M(header, size, SIZE, PLAIN),
M(header, reserved, RESERVED, PLAIN),
M(header, name, TEXT, PLAIN),
M(header, value, TEXT, SECRET),
END(header)

STRUCT(file)
M(file, size, SIZE, PLAIN),
M(file, fd, FD, PLAIN),
M(file, length, INTEGER, PLAIN),
M(file, name, TEXT, CONTENT),
M(file, mime, TEXT, PLAIN),
END(file)

STRUCT(host)
M(host, size, SIZE, PLAIN),
M(host, minor, INTEGER, PLAIN),
M(host, instance, STRING, PLAIN),
M(host, service, CODE, PLAIN),
M(host, log, CODE, PLAIN),
M(host, now_us, CODE, PLAIN),
M(host, random, CODE, PLAIN),
M(host, call_begin, CODE, PLAIN),
M(host, call_end, CODE, PLAIN),
M(host, call_within, CODE, PLAIN),
END(host)

STRUCT(option)
M(option, name, STRING, PLAIN),
M(option, help, STRING, PLAIN),
M(option, def, STRING, PLAIN),
M(option, min, INTEGER, PLAIN),
M(option, max, INTEGER, PLAIN),
M(option, flags, INTEGER, PLAIN),
M(option, type, INTEGER, PLAIN),
M(option, offset, INTEGER, PLAIN),
M(option, reserved, RESERVED, PLAIN),
M(option, choices, STRINGS, PLAIN),
END(option)

STRUCT(extension)
M(extension, size, SIZE, PLAIN),
M(extension, reserved, RESERVED, PLAIN),
M(extension, id, STRING, PLAIN),
M(extension, table, STATIC, PLAIN),
END(extension)

STRUCT(plugin)
M(plugin, magic, INTEGER, PLAIN),
M(plugin, struct_size, INTEGER, PLAIN),
M(plugin, abi_major, INTEGER, PLAIN),
M(plugin, abi_minor, INTEGER, PLAIN),
M(plugin, option_size, INTEGER, PLAIN),
M(plugin, kind, STRING, PLAIN),
M(plugin, name, STRING, PLAIN),
M(plugin, version, STRING, PLAIN),
M(plugin, summary, STRING, PLAIN),
M(plugin, license, STRING, PLAIN),
M(plugin, options, STATIC, PLAIN),
M(plugin, instance_size, INTEGER, PLAIN),
M(plugin, flags, INTEGER, PLAIN),
M(plugin, open, CODE, PLAIN),
M(plugin, close, CODE, PLAIN),
M(plugin, iface, STATIC, PLAIN),
M(plugin, extensions, STATIC, PLAIN),
END(plugin)

/* ---- askd/database.h ---- */
STRUCT(object)
M(object, size, SIZE, PLAIN),
M(object, reserved, RESERVED, PLAIN),
M(object, handle, OBJECT, PLAIN),
END(object)

STRUCT(db_connect)
M(db_connect, size, SIZE, PLAIN),
M(db_connect, flags, INTEGER, PLAIN),
M(db_connect, address, TEXT, PLAIN),
END(db_connect)

STRUCT(db_column)
M(db_column, size, SIZE, PLAIN),
M(db_column, type, INTEGER, PLAIN),
M(db_column, nullable, INTEGER, PLAIN),
M(db_column, key, INTEGER, PLAIN),
M(db_column, name, TEXT, PLAIN),
M(db_column, type_name, TEXT, PLAIN),
M(db_column, comment, TEXT, CONTENT),
M(db_column, samples, VALUES, CONTENT),
END(db_column)

STRUCT(db_reference)
M(db_reference, size, SIZE, PLAIN),
M(db_reference, reserved, RESERVED, PLAIN),
M(db_reference, columns, JSON, PLAIN),
M(db_reference, schema, TEXT, PLAIN),
M(db_reference, table, TEXT, PLAIN),
M(db_reference, remote_columns, JSON, PLAIN),
END(db_reference)

STRUCT(db_table)
M(db_table, size, SIZE, PLAIN),
M(db_table, kind, INTEGER, PLAIN),
M(db_table, rows, INTEGER, PLAIN),
M(db_table, schema, TEXT, PLAIN),
M(db_table, name, TEXT, PLAIN),
M(db_table, comment, TEXT, CONTENT),
S(db_table, columns, LIST, db_column),
S(db_table, references, LIST, db_reference),
END(db_table)

SINK(db_table)

STRUCT(db_describe)
M(db_describe, size, SIZE, PLAIN),
M(db_describe, reserved, RESERVED, PLAIN),
M(db_describe, schema, TEXT, PLAIN),
M(db_describe, table, TEXT, PLAIN),
S(db_describe, tables, SINK, db_table),
END(db_describe)

STRUCT(db_query)
M(db_query, size, SIZE, PLAIN),
M(db_query, reserved, RESERVED, PLAIN),
M(db_query, sql, TEXT, CONTENT),
M(db_query, params, VALUES, CONTENT),
M(db_query, prefix, TEXT, PLAIN),
END(db_query)

STRUCT(db_result)
M(db_result, size, SIZE, PLAIN),
M(db_result, reserved, RESERVED, PLAIN),
M(db_result, cursor, OBJECT, PLAIN),
S(db_result, columns, LIST, db_column),
END(db_result)

STRUCT(db_fetch)
M(db_fetch, size, SIZE, PLAIN),
M(db_fetch, max_rows, INTEGER, PLAIN),
M(db_fetch, max_bytes, INTEGER, PLAIN),
M(db_fetch, max_value, INTEGER, PLAIN),
END(db_fetch)

STRUCT(batch)
M(batch, size, SIZE, PLAIN),
M(batch, rows, INTEGER, PLAIN),
M(batch, columns, INTEGER, PLAIN),
M(batch, end, INTEGER, PLAIN),
M(batch, affected, INTEGER, PLAIN),
M(batch, cells, CELLS, CONTENT),
END(batch)

STRUCT(dialect)
M(dialect, size, SIZE, PLAIN),
M(dialect, flags, INTEGER, PLAIN),
M(dialect, parameters, INTEGER, PLAIN),
M(dialect, limit, INTEGER, PLAIN),
M(dialect, name, STRING, PLAIN),
M(dialect, schemes, STRING, PLAIN),
M(dialect, quote, STRING, PLAIN),
M(dialect, strings, STRING, PLAIN),
M(dialect, comments, STRING, PLAIN),
M(dialect, first_words, STRINGS, PLAIN),
M(dialect, functions, STRINGS, PLAIN),
END(dialect)

STRUCT(database_iface)
M(database_iface, size, SIZE, PLAIN),
M(database_iface, flags, INTEGER, PLAIN),
M(database_iface, dialect, STATIC, PLAIN),
M(database_iface, connect, CODE, PLAIN),
M(database_iface, describe, CODE, PLAIN),
M(database_iface, query, CODE, PLAIN),
M(database_iface, next, CODE, PLAIN),
M(database_iface, finish, CODE, PLAIN),
M(database_iface, interrupt, CODE, PLAIN),
M(database_iface, reset, CODE, PLAIN),
M(database_iface, disconnect, CODE, PLAIN),
END(database_iface)

/* ---- askd/http.h ---- */
STRUCT(http_chunk)
M(http_chunk, size, SIZE, PLAIN),
M(http_chunk, reserved, RESERVED, PLAIN),
M(http_chunk, data, BYTES, CONTENT),
END(http_chunk)

SINK(http_chunk)

STRUCT(http_request)
M(http_request, size, SIZE, PLAIN),
M(http_request, flags, INTEGER, PLAIN),
M(http_request, method, TEXT, PLAIN),
M(http_request, url, TEXT, SECRET),
S(http_request, headers, LIST, header),
M(http_request, body, BYTES, SECRET),
S(http_request, file, STRUCT, file),
S(http_request, stream, SINK, http_chunk),
END(http_request)

STRUCT(http_response)
M(http_response, size, SIZE, PLAIN),
M(http_response, status, INTEGER, PLAIN),
S(http_response, headers, LIST, header),
M(http_response, body, BYTES, CONTENT),
END(http_response)

STRUCT(http_service)
M(http_service, size, SIZE, PLAIN),
M(http_service, reserved, RESERVED, PLAIN),
M(http_service, fetch, CODE, PLAIN),
END(http_service)

/* ---- askd/llm.h ---- */
STRUCT(tool_call)
M(tool_call, size, SIZE, PLAIN),
M(tool_call, reserved, RESERVED, PLAIN),
M(tool_call, id, TEXT, PLAIN),
M(tool_call, name, TEXT, PLAIN),
M(tool_call, arguments, TEXT, CONTENT),
END(tool_call)

STRUCT(llm_tool)
M(llm_tool, size, SIZE, PLAIN),
M(llm_tool, reserved, RESERVED, PLAIN),
M(llm_tool, name, TEXT, PLAIN),
M(llm_tool, description, TEXT, PLAIN),
M(llm_tool, schema, JSON, PLAIN),
END(llm_tool)

STRUCT(llm_message)
M(llm_message, size, SIZE, PLAIN),
M(llm_message, role, INTEGER, PLAIN),
M(llm_message, text, TEXT, CONTENT),
M(llm_message, tool_call_id, TEXT, PLAIN),
S(llm_message, calls, LIST, tool_call),
S(llm_message, files, LIST, file),
END(llm_message)

STRUCT(catalogue)
M(catalogue, size, SIZE, PLAIN),
M(catalogue, reserved, RESERVED, PLAIN),
M(catalogue, version, INTEGER, PLAIN),
M(catalogue, database, INTEGER, PLAIN),
M(catalogue, name, TEXT, PLAIN),
M(catalogue, dialect, TEXT, PLAIN),
S(catalogue, tables, LIST, db_table),
END(catalogue)

STRUCT(task)
M(task, size, SIZE, PLAIN),
M(task, reserved, RESERVED, PLAIN),
M(task, now_us, INTEGER, PLAIN),
M(task, kind, TEXT, PLAIN),
M(task, question, TEXT, CONTENT),
M(task, language, TEXT, PLAIN),
M(task, zone, TEXT, PLAIN),
S(task, catalogue, STRUCT, catalogue),
S(task, history, LIST, llm_message),
M(task, sql, TEXT, CONTENT),
M(task, problem, TEXT, CONTENT),
M(task, detail, TEXT, CONTENT),
M(task, facts, JSON, CONTENT),
S(task, columns, LIST, db_column),
S(task, rows, STRUCT, batch),
M(task, today, TEXT, PLAIN),
END(task)

STRUCT(llm_chunk)
M(llm_chunk, size, SIZE, PLAIN),
M(llm_chunk, reserved, RESERVED, PLAIN),
M(llm_chunk, text, TEXT, CONTENT),
END(llm_chunk)

SINK(llm_chunk)

STRUCT(llm_request)
M(llm_request, size, SIZE, PLAIN),
M(llm_request, max_output, INTEGER, PLAIN),
M(llm_request, temperature_milli, INTEGER, PLAIN),
M(llm_request, tool_choice, INTEGER, PLAIN),
M(llm_request, model, TEXT, PLAIN),
M(llm_request, reply_schema, JSON, PLAIN),
S(llm_request, messages, LIST, llm_message),
S(llm_request, tools, LIST, llm_tool),
S(llm_request, task, STRUCT, task),
S(llm_request, stream, SINK, llm_chunk),
END(llm_request)

STRUCT(llm_reply)
M(llm_reply, size, SIZE, PLAIN),
M(llm_reply, finish, INTEGER, PLAIN),
M(llm_reply, confidence_milli, INTEGER, PLAIN),
M(llm_reply, reserved, RESERVED, PLAIN),
M(llm_reply, input, INTEGER, PLAIN),
M(llm_reply, output, INTEGER, PLAIN),
M(llm_reply, cached, INTEGER, PLAIN),
M(llm_reply, reasoning, INTEGER, PLAIN),
M(llm_reply, text, TEXT, CONTENT),
M(llm_reply, model, TEXT, PLAIN),
M(llm_reply, remote_id, TEXT, PLAIN),
M(llm_reply, explanation, TEXT, CONTENT),
S(llm_reply, calls, LIST, tool_call),
END(llm_reply)

STRUCT(llm_model)
M(llm_model, size, SIZE, PLAIN),
M(llm_model, flags, INTEGER, PLAIN),
M(llm_model, context, INTEGER, PLAIN),
M(llm_model, output, INTEGER, PLAIN),
M(llm_model, name, TEXT, PLAIN),
END(llm_model)

STRUCT(llm_iface)
M(llm_iface, size, SIZE, PLAIN),
M(llm_iface, flags, INTEGER, PLAIN),
M(llm_iface, complete, CODE, PLAIN),
M(llm_iface, model, CODE, PLAIN),
END(llm_iface)

STRUCT(llm_service)
M(llm_service, size, SIZE, PLAIN),
M(llm_service, reserved, RESERVED, PLAIN),
M(llm_service, complete, CODE, PLAIN),
END(llm_service)
        /* clang-format on */
