/* contract_web.c: the members of what web.h defines. */
#include "plugin/contract_members.h"

/* clang-format off */

STRUCT(web_request)
M(web_request, size, SIZE, PLAIN),
M(web_request, flags, INTEGER, PLAIN),
M(web_request, id, INTEGER, PLAIN),
M(web_request, method, TEXT, PLAIN),
M(web_request, path, TEXT, CONTENT),
M(web_request, query, TEXT, CONTENT),
M(web_request, remote, TEXT, CONTENT),
M(web_request, person, TEXT, PLAIN),
S(web_request, headers, LIST, header),
S(web_request, params, LIST, header),
M(web_request, body, BYTES, CONTENT),
S(web_request, file, STRUCT, file),
END(web_request)

STRUCT(web_response)
M(web_response, size, SIZE, PLAIN),
M(web_response, status, INTEGER, PLAIN),
M(web_response, id, INTEGER, PLAIN),
M(web_response, flags, INTEGER, PLAIN),
M(web_response, reserved, RESERVED, PLAIN),
M(web_response, type, TEXT, PLAIN),
S(web_response, headers, LIST, header),
M(web_response, body, BYTES, CONTENT),
S(web_response, file, STRUCT, file),
END(web_response)

STRUCT(web_verdict)
M(web_verdict, size, SIZE, PLAIN),
M(web_verdict, status, INTEGER, PLAIN),
M(web_verdict, max_body, INTEGER, PLAIN),
M(web_verdict, type, TEXT, PLAIN),
S(web_verdict, headers, LIST, header),
M(web_verdict, body, BYTES, CONTENT),
END(web_verdict)

STRUCT(web_data)
M(web_data, size, SIZE, PLAIN),
M(web_data, flags, INTEGER, PLAIN),
M(web_data, id, INTEGER, PLAIN),
M(web_data, data, BYTES, CONTENT),
END(web_data)

STRUCT(web_server)
M(web_server, size, SIZE, PLAIN),
M(web_server, reserved, RESERVED, PLAIN),
M(web_server, begin, CODE, PLAIN),
M(web_server, write, CODE, PLAIN),
M(web_server, drain, CODE, PLAIN),
END(web_server)

STRUCT(web_service)
M(web_service, size, SIZE, PLAIN),
M(web_service, reserved, RESERVED, PLAIN),
M(web_service, head, CODE, PLAIN),
M(web_service, dispatch, CODE, PLAIN),
M(web_service, gone, CODE, PLAIN),
M(web_service, begin, CODE, PLAIN),
M(web_service, write, CODE, PLAIN),
END(web_service)

STRUCT(route)
M(route, size, SIZE, PLAIN),
M(route, flags, INTEGER, PLAIN),
M(route, method, STRING, PLAIN),
M(route, path, STRING, PLAIN),
M(route, permission, STRING, PLAIN),
M(route, summary, STRING, PLAIN),
M(route, request_schema, STRING, PLAIN),
M(route, reply_schema, STRING, PLAIN),
M(route, max_body, INTEGER, PLAIN),
M(route, handle, CODE, PLAIN),
END(route)

STRUCT(routes)
M(routes, size, SIZE, PLAIN),
M(routes, reserved, RESERVED, PLAIN),
M(routes, routes, STATIC, PLAIN),
END(routes)
        /* clang-format on */
