/* routes_schema.c: what goes in and out, as JSON schemas. */
#include "routes.h"

#define TEXT_OR_NULL "{\"type\":[\"string\",\"null\"]}"
#define TEXTS "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"
#define OBJECTS "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}"

const char query_schema_ask[] =
        "{\"type\":\"object\",\"required\":[\"question\"],\"properties\":{"
        "\"question\":{\"type\":\"string\",\"minLength\":1},"
        "\"database\":{\"type\":[\"string\",\"null\"],\"description\":\"Its name; needed when "
        "more than one may be asked.\"},"
        "\"session_id\":{\"type\":[\"string\",\"null\"],\"minLength\":1,\"maxLength\":128,"
        "\"description\":\"A conversation of yours; absent: a new one.\"},"
        "\"schema\":{\"type\":[\"array\",\"null\"],\"items\":{\"type\":\"string\"},"
        "\"description\":\"Names of the tables that alone may be used.\"}}}";

const char query_schema_reply[] =
        "{\"type\":\"object\",\"required\":[\"kind\",\"answer\",\"message\",\"sql\","
        "\"explanation\",\"columns\",\"types\",\"data\",\"truncated\",\"choices\","
        "\"suggestions\",\"insights\",\"session_id\",\"turn_id\",\"cost\",\"stages\","
        "\"receipt\"],\"properties\":{"
        "\"kind\":{\"enum\":[\"answer\",\"clarify\",\"declined\",\"refused\",\"error\"]},"
        "\"answer\":{\"type\":[\"string\",\"null\"],\"description\":\"CommonMark.\"},"
        "\"message\":{\"type\":[\"string\",\"null\"],\"description\":\"What is said instead of "
        "an answer; CommonMark.\"},"
        "\"sql\":" TEXT_OR_NULL ",\"explanation\":" TEXT_OR_NULL ",\"columns\":" TEXTS
        ",\"types\":" TEXTS
        ",\"data\":{\"type\":\"array\",\"items\":{\"type\":\"array\"},\"description\":\"Integers "
        "above 2^53 and decimals are strings, dates ISO 8601, bytes base64.\"},"
        "\"truncated\":{\"type\":\"boolean\"},\"choices\":" TEXTS ",\"suggestions\":" TEXTS
        ",\"insights\":{\"type\":\"array\"},\"session_id\":{\"type\":\"string\"},"
        "\"turn_id\":{\"type\":\"string\"},"
        "\"cost\":{\"type\":[\"object\",\"null\"],\"required\":[\"usd\",\"pico\",\"tokens\"],"
        "\"properties\":{\"usd\":{\"type\":\"number\"},\"pico\":{\"type\":[\"integer\","
        "\"string\"]},\"tokens\":{\"type\":\"integer\"}},\"description\":\"null: a price is "
        "unknown.\"},"
        "\"stages\":" OBJECTS ",\"receipt\":{\"type\":[\"object\",\"null\"]}}}";

#define TABLE                                                                              \
	"{\"schema\":" TEXT_OR_NULL ",\"name\":{\"type\":\"string\"},\"kind\":{\"enum\":[" \
	"\"table\",\"view\",\"materialized "                                               \
	"view\"]},\"rows\":{\"type\":[\"integer\",\"null\"]},\"comment\":" TEXT_OR_NULL
#define TABLES(more)                                                                             \
	"{\"type\":\"object\",\"required\":[\"database\",\"dialect\",\"databases\",\"tables\"]," \
	"\"properties\":{\"database\":" TEXT_OR_NULL ",\"dialect\":" TEXT_OR_NULL                \
	",\"databases\":" TEXTS ",\"tables\":{\"type\":\"array\",\"items\":{\"type\":"           \
	"\"object\",\"required\":[\"name\"],\"properties\":" TABLE more "}}}}}"

const char query_schema_tables[] = TABLES("");
const char query_schema_tables_in[] =
        "{\"type\":\"object\",\"properties\":{\"database\":{\"type\":\"string\"}}}";
const char query_schema_schema[] = TABLES(
        ",\"columns\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":[\"name\","
        "\"type\",\"nullable\",\"key\",\"comment\"],\"properties\":{\"name\":{\"type\":"
        "\"string\"},\"type\":" TEXT_OR_NULL
        ",\"nullable\":{\"type\":\"boolean\"},\"key\":{\"type\":\"boolean\"},"
        "\"comment\":" TEXT_OR_NULL "}}}");
const char query_schema_schema_in[] =
        "{\"type\":\"object\",\"properties\":{\"database\":" TEXT_OR_NULL
        ",\"tables\":{\"type\":[\"array\",\"null\"],\"items\":{\"type\":\"string\"}}}}";
const char query_schema_history[] =
        "{\"type\":\"object\",\"required\":[\"session_id\",\"turns\"],\"properties\":{"
        "\"session_id\":{\"type\":\"string\"},\"turns\":{\"type\":\"array\",\"items\":{\"type\":"
        "\"object\",\"required\":[\"turn_id\",\"at\",\"question\",\"answer\",\"sql\"],"
        "\"properties\":{\"turn_id\":{\"type\":\"string\"},\"at\":{\"type\":\"string\","
        "\"format\":\"date-time\"},\"question\":" TEXT_OR_NULL ",\"answer\":" TEXT_OR_NULL
        ",\"sql\":" TEXT_OR_NULL "}}}}}";
const char query_schema_history_in[] =
        "{\"type\":\"object\",\"properties\":{\"turns\":{\"type\":\"integer\",\"minimum\":1,"
        "\"maximum\":200}}}";
const char query_schema_forgotten[] =
        "{\"type\":\"object\",\"required\":[\"forgotten\"],\"properties\":{\"forgotten\":{"
        "\"type\":\"integer\"}}}";
const char query_schema_cancel[] =
        "{\"type\":\"object\",\"properties\":{\"session_id\":" TEXT_OR_NULL
        ",\"turn_id\":" TEXT_OR_NULL "}}";
const char query_schema_canceled[] =
        "{\"type\":\"object\",\"required\":[\"canceled\"],\"properties\":{\"canceled\":{"
        "\"type\":\"integer\"}}}";
