/* lexicon_synonyms.c: words that can stand for one another. */
#include "lexicon_inside.h"

const char *const lexicon_groups[] = {"client|customer|buyer|patron|shopper",
        "staff|employee|worker|staff member|personnel", "pay|salary|wage|earnings|income",
        "city|town|municipality", "item|product|good|article|merchandise", "cost|price|charge",
        "vendor|supplier|seller", "purchase|buy", "pupil|student|learner",
        "teacher|instructor|tutor", "movie|film|motion picture", "author|writer",
        "car|automobile|auto", "country|nation", "sex|gender", "phone|telephone|phone number",
        "type|kind|category|sort", "location|place|position", "amount|quantity",
        "revenue|turnover|sales", "begin|start|commence", "end|finish",
        "surname|last name|family name", "email|email address", "birth date|birthday|date of birth",
        "zip|zip code|postal code|postcode", NULL};
