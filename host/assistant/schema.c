/* schema.c: the tables of the room. Texts of persons are sealed. */
#include "assistant/inside.h"

ASKD_QUIET
static const struct askd_migration first = {
        .size = sizeof first,
        .number = 1,
        .sql = "create table conversations (id bigint primary key, instance text not null, "
               "address text not null, thread text, person bigint, db bigint, state bytea, "
               "state_skill text, state_until_us bigint, awaits smallint not null, "
               "chat text, is_group smallint not null, created_us bigint not null, "
               "used_us bigint not null);\n"
               "create index conversations_person on conversations (person, used_us);\n"
               "create table turns (id bigint primary key, conversation bigint not null, "
               "person bigint, organisation bigint, instance text not null, identity text, "
               "durable smallint not null, ephemeral smallint not null, status text not null, "
               "kind bigint, skill text, db bigint, started_us bigint not null, "
               "ended_us bigint, reply bytea);\n"
               "create index turns_open on turns (status);\n"
               "create index turns_conversation on turns (conversation, id);\n"
               "create table inbox (id bigint primary key, instance text not null, "
               "key text not null, transport text not null, received_us bigint not null, "
               "ended_us bigint, ephemeral smallint not null, payload bytea, "
               "unique (instance, key));\n"
               "create index inbox_ended on inbox (ended_us);\n"
               "create table messages (id bigint primary key, turn bigint not null, "
               "conversation bigint not null, role smallint not null, at_us bigint not null, "
               "payload bytea);\n"
               "create index messages_conversation on messages (conversation, turn);\n"
               "create table outbox (id bigint primary key, turn bigint not null, "
               "conversation bigint not null, instance text not null, address text not null, "
               "thread text, is_group smallint not null, kind smallint not null, "
               "part bigint not null, working bigint, status smallint not null, "
               "attempts bigint not null, created_us bigint not null, ended_us bigint, "
               "remote text, payload bytea);\n"
               "create index outbox_open on outbox (instance, status);\n"
               "create index outbox_turn on outbox (turn);\n"
               "create index outbox_ended on outbox (ended_us);\n"
               "create table buttons (id bigint primary key, turn bigint not null, "
               "conversation bigint not null, skill text not null, payload bytea, "
               "expires_us bigint not null)",
};
ASKD_LOUD

const struct askd_migration *const assistant_migrations[] = {&first, NULL};
