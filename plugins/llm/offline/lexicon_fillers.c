/* lexicon_fillers.c: words of a question that say nothing of the data. Words that mean something to
 * a statement (not, each, per, both, or, more, at, least, only, different ...) are none. */
#include "lexicon_inside.h"

/* Sorted by byte; a test looks every one up. */
const char *const lexicon_fillers[] = {"'s", "a", "about", "actually", "all", "along", "also", "am",
        "an", "and", "answer", "any", "are", "as", "ask", "at", "basically", "be", "been", "being",
        "belong", "belonging", "belongs", "by", "called", "can", "certain", "concerning",
        "corresponding", "could", "curious", "determine", "did", "display", "do", "does", "doing",
        "done", "enumerate", "exactly", "exist", "existing", "exists", "fetch", "find", "for",
        "from", "get", "give", "given", "had", "has", "have", "having", "he", "hello", "her",
        "here", "hers", "hey", "hi", "him", "his", "how", "i", "i'd", "i'm", "identify", "in",
        "interested", "into", "is", "it", "its", "itself", "just", "kindly", "know", "let", "let's",
        "lets", "like", "list", "look", "may", "me", "might", "mine", "must", "my", "named", "need",
        "now", "of", "ok", "okay", "on", "one", "ones", "onto", "our", "ours", "out", "particular",
        "please", "present", "print", "provide", "question", "really", "regarding", "respective",
        "respectively", "retrieve", "return", "s", "search", "see", "shall", "she", "should",
        "show", "simply", "so", "some", "specific", "such", "tell", "thank", "thanks", "that",
        "the", "their", "theirs", "them", "themselves", "then", "there", "these", "they", "this",
        "those", "to", "together", "up", "upon", "us", "using", "via", "want", "was", "we", "were",
        "what", "whatever", "whats", "when", "where", "which", "whichever", "who", "whom", "whose",
        "why", "will", "with", "within", "wonder", "wondering", "would", "you", "your", "yours"};
const size_t lexicon_filler_count = sizeof lexicon_fillers / sizeof *lexicon_fillers;
