"""Interceptors that are ready for use: a log of calls, authorisation, retrying, tracing."""

from duologue.interceptors.authorisation import Authorisation as Authorisation
from duologue.interceptors.authorisation import BearerToken as BearerToken
from duologue.interceptors.authorisation import Rule as Rule
from duologue.interceptors.authorisation import anyone as anyone
from duologue.interceptors.authorisation import bearers_of as bearers_of
from duologue.interceptors.authorisation import holders_of as holders_of
from duologue.interceptors.call_log import CallLog as CallLog
from duologue.interceptors.retrying import Retrying as Retrying
