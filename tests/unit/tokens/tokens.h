/* Written by make.js beside it. */
/* clang-format off */
#define TOKENS_SECRET "an-AUTH_SECRET-for-the-tests-only-0123456789"
#define TOKENS_NOW_S  1800000000
#define TOKENS_EXP_S  4102444800

static const struct {
	const char *name;
	enum token_verdict verdict;
	enum tier tier;
	const char *user, *token;
} tokens[] = {
	{"Auth.js itself", TOKEN_OK, TIER_PREMIUM, "ada@example.org",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwia2lkIjoiQk5Da04xdUdITm9EV3RNN2FoODBVa0Eybkh3R08ydml"
	 "MckIyZ0U3TGpYQ0I0bTZDRjVXejBER3dEM1IzV09QT1EwcG1CcmxOWFcwOERfemxYcHJ3RlEifQ..aK-XIl7qsvYRaqZRqldywQ."
	 "2Oxp9lP_BZZWMcxX8Z6PI4FsUIz_-xL_vc9MdcYs4iJFW6jQm7lYrc98lG0YySoaQcI8xGqGV0IBWv_evD1wwsBY_8VdUFpendyF"
	 "8sKBpoMuvW4kJtIyCnA_4RLdXydxTuqnOFFzZ_oFcR5DXrpI4Qw9934JeRSiDG-Lx7Otgb2NciOsy4JhI3fi-x6U4Djb08DwBdDZ"
	 "yfVxmdqm_QsyUZHhtJCEh1RAIvudQdfR4gc.ye10CrIKWrhWesuoN3_GQuuGwkC2GX_tTpVW6RoBuc8"},
	{"Auth.js itself, behind https", TOKEN_OK, TIER_PREMIUM, "ada@example.org",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwia2lkIjoiYTZqR1VFWmcxeG5WNnRoVm9CQXdxLXctc0NxYnBTeVA"
	 "3TzVSX3M5bEZud0hMZU1yYWpwVllNaWE2am80cnBWREc5el9UdEl4XzZIN2sxaFFtWXcyelEifQ..6roH7hfNEZ_KwdUc87_QIQ."
	 "WYC0V-68cJnY7N4eXiaxOF3Zhritv7t6-4qfHCqP1fde_Fa3W-uggy8MnEdFQnWdw8FE9bAEUsWB-jmqVH_h6YUTiCjzjJY6Si-a"
	 "Q9wdFNA0Wm4GWD-H1XED7wUHln7VaemNW-Sl97jlPZMo8basthEHMv3uUgOfIORZG28BnHlTohzbGrVHPlrNzJbTRS1ePoCkeWlW"
	 "AoBblBuSkZL7uXjZjaeIu-BydZ-wQyWblCU.HHWq3bQyJSAmOdc5Pjlr-GZc-0amnpBXeRkYtFCUa3Y"},
	{"jose itself", TOKEN_OK, TIER_LOGGED_IN, "ada@example.org",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsInN1YiI6IjQyIiwiaWF0IjoxNz"
	 "k1MjQ3MTkwLCJleHAiOjQxMDI0NDQ4MDB9.h8EDGR7FptAMl5sxSi4mLJ30aVKcIe4ruxTR0xF3EH4"},
	{"A256CBC-HS512, authjs.session-token", TOKEN_OK, TIER_LOGGED_IN, "ada@example.org",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..jbiJoI9hzCKG3yAmQkonXA.ujHwh7sdlrre45kosgwFj-_2bwu"
	 "CHLG9_EEL2zNfmmF53O9bw0Y3V-MTCIs7VOFz.n4i3b5c0NVvTfcgvmiF-Ys5eYpcem_CCoPZHE6Td-CY"},
	{"A256GCM, authjs.session-token", TOKEN_OK, TIER_LOGGED_IN, "ada@example.org",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..zoinK_J7Tbffx4vr.s28V7obvc5mGh87sn48lP5DH13Q2VJwHJOVSN4eOW"
	 "_1QWLrmhBWe5OU_fr8.33lpMHjUdfX5tVZXWd9s3Q"},
	{"A256CBC-HS512, __Secure-authjs.session-token", TOKEN_OK, TIER_LOGGED_IN, "ada@example.org",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..XD7sGP7KdBkVx4BmgGkBAg.T_Zc8tgaBrKVDMGYtK1P5CvGiD_"
	 "KIRx0qc10e7RY4xqB3Uq4ocTtELbRi4wsyAX6.UXL-RxsubEw9izKBF8HrCr-AD2aDsxrRDizOgFXJMKs"},
	{"A256GCM, __Secure-authjs.session-token", TOKEN_OK, TIER_LOGGED_IN, "ada@example.org",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..bQBD7GIPnioelz0v.uxzqZHqGQ_gXHmulgN72OhN37mXPD2eOkllE-V_z4"
	 "IsOTipBBQPsVYqudqs.Gksj1msywyco4PpIMWeRsA"},
	{"signed", TOKEN_OK, TIER_LOGGED_IN, "ada@example.org",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.YM"
	 "dgBQArpUED_8i3S0DEJT4Jvrh9rqW3492-x-J0M_g"},
	{"without typ", TOKEN_OK, TIER_LOGGED_IN, "ada@example.org",
	 "eyJhbGciOiJIUzI1NiJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.ppY0g0PTidP24-fzHX"
	 "zgAeU43B3bCl_SRAZNi00UjTA"},
	{"with any typ and kid", TOKEN_OK, TIER_LOGGED_IN, "ada@example.org",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6IjEifQ.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6"
	 "NDEwMjQ0NDgwMH0.zSXziSBEz-09A2rJY441HijTueOt78vp9d_pxnUov2k"},
	{"sub alone", TOKEN_OK, TIER_LOGGED_IN, "42",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI0MiIsImV4cCI6NDEwMjQ0NDgwMH0.clpjqpq_RsQRdZ1fP4AsV9"
	 "tXreyFzpBVF6II__O8-gE"},
	{"e-mail before sub", TOKEN_OK, TIER_LOGGED_IN, "ada@example.org",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI0MiIsImVtYWlsIjoiYWRhQGV4YW1wbGUub3JnIiwiZXhwIjo0MT"
	 "AyNDQ0ODAwfQ.Q2PKrrAwb0Oki_NvrjXcJzoB-U006s8x3qq3JFHnPmA"},
	{"an empty e-mail", TOKEN_OK, TIER_LOGGED_IN, "42",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI0MiIsImVtYWlsIjoiIiwiZXhwIjo0MTAyNDQ0ODAwfQ.LIzZdJy"
	 "toR19bWH_06FHi7bF-eRsapJNZ4Lkj3JZ4VU"},
	{"an e-mail that is null", TOKEN_OK, TIER_LOGGED_IN, "42",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI0MiIsImVtYWlsIjpudWxsLCJleHAiOjQxMDI0NDQ4MDB9.3U8TO"
	 "l7a62Ae6mjC1iBvJjSBReUpX6cSA7MhD4-yyuQ"},
	{"a user in Unicode", TOKEN_OK, TIER_LOGGED_IN, "Ada Lovelace ⚙",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJBZGEgTG92ZWxhY2Ug4pqZIiwiZXhwIjo0MTAyNDQ0ODAwfQ.YSn"
	 "1ypwFY_kNq-CeB1R_WrrQ3d7m5EG0HCsNSkIwD8Y"},
	{"a user of 255 characters", TOKEN_OK, TIER_LOGGED_IN, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.org",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYW"
	 "FhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYW"
	 "FhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYW"
	 "FhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYUBleGFtcGxlLm9yZyIsImV4cC"
	 "I6NDEwMjQ0NDgwMH0.zbgj0yrf9fWtBSC6JmsNrcZ3BzxyGwiI3H5wJVf-1to"},
	{"another user of 255 characters", TOKEN_OK, TIER_LOGGED_IN, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.net",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYW"
	 "FhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYW"
	 "FhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYW"
	 "FhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYUBleGFtcGxlLm5ldCIsImV4cC"
	 "I6NDEwMjQ0NDgwMH0.jq4uNDZHFRm6m3TJq-FYuBQIztplWvKQfLY1mmV-pK8"},
	{"premium", TOKEN_OK, TIER_PREMIUM, "ada@example.org",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMCwiaX"
	 "NQcmVtaXVtIjp0cnVlfQ.PadO5TM7QNO1CqosjHiwORgodbCZpMH020Uwry56lwI"},
	{"admin", TOKEN_OK, TIER_ADMIN, "ada@example.org",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMCwiaX"
	 "NBZG1pbiI6dHJ1ZX0.xKX9mQLxQfzJiEriXsaO0hBXhvFz8voc8qsWHY4LrEM"},
	{"both", TOKEN_OK, TIER_ADMIN, "ada@example.org",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..ClSzcedL6mCWj9gf3vuH2Q.mEBcfpyONpNPK5NnvGglHQWDpMd"
	 "Ju_Z03Dkxw3ImjVkQK3COxT4TAWn8DWmagVt1jEI8reJfBsLcAuCf-VaP3qaHqVb0V352-MXSmPiDSUs.xpbMLgwATIF3s3v5D2D"
	 "PJfzco7VYDWNh0p_nwhyd0p0"},
	{"admin by text", TOKEN_OK, TIER_LOGGED_IN, "ada@example.org",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMCwiaX"
	 "NBZG1pbiI6InRydWUifQ.6M4N-mWvcHkB0dlIciOZCnmdheEREVKTCcfU1u8vqi8"},
	{"admin by number", TOKEN_OK, TIER_LOGGED_IN, "ada@example.org",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMCwiaX"
	 "NBZG1pbiI6MSwiaXNQcmVtaXVtIjpbdHJ1ZV19.PqPiF6DrjCMG6U6DApOwOkz4v4ih1luQb4--f6pAHX4"},
	{"admin by case", TOKEN_OK, TIER_LOGGED_IN, "ada@example.org",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMCwiSX"
	 "NBZG1pbiI6dHJ1ZSwiaXNhZG1pbiI6dHJ1ZX0.b5xiwYEYRXV10P4-uJP7MuSCJDwVycnEAqewut85fiM"},
	{"exp with a fraction", TOKEN_OK, TIER_LOGGED_IN, "ada@example.org",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMC41fQ"
	 ".6UXjn8YnmtHU94zMiKAunin82OEuzyfluLRpZlr4JUw"},
	{"expired just now", TOKEN_OK, TIER_LOGGED_IN, "ada@example.org",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6MTc5OTk5OTk4Nn0.ck"
	 "js4fbZgUenerXAvdFW-HY5r1gFVQ5mL0kuMGg1BB0"},
	{"issued and begun", TOKEN_OK, TIER_LOGGED_IN, "ada@example.org",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMCwiaW"
	 "F0IjoxNzk5OTk5OTk1LCJuYmYiOjE3OTk5OTk5OTV9.8T2B7jPFv5y5OlArcMWUx1c0yP2mMMwpoLi_KlbpsNw"},
	{"a clock that is ahead", TOKEN_OK, TIER_LOGGED_IN, "ada@example.org",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMCwiaW"
	 "F0IjoxODAwMDAwMDE1LCJuYmYiOjE4MDAwMDAwMTV9.Y6xNN5buszKAbkwW2xj0bHszJPIevUS-yfSS-RKGoQA"},
	{"the longest", TOKEN_OK, TIER_LOGGED_IN, "ada@example.org",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMCwiZm"
	 "lsbCI6Inh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHgifQ.bbBLdzfSBItnjUZsZqgK2yHGSxyBk9s94BfF1Zj76TU"},
	{"expired", TOKEN_EXPIRED, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6MTc5OTk5OTk4NX0.uu"
	 "Mwh9-zu_vKe2Vu68Wu5J6W3F6tGgDbciyuYGhuOeE"},
	{"expired long ago", TOKEN_EXPIRED, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6MH0.-O2nYZzL6xSSdG"
	 "9Wsvl4MEDfn_MGlJWluqDucI_ipOU"},
	{"expired before there was time", TOKEN_EXPIRED, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6LTFlKzMwMH0.K6XhFd"
	 "sOg1QYAEgYCKaObt17df2qUuepcpj8V9ne-p4"},
	{"expired, encrypted", TOKEN_EXPIRED, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..iUs5riXbRp_zfGnG.ep5cxVJBmXJbo4QeIOCNnPW3Fm9okLjqoj8USHJIm"
	 "34yWCnlJs4p9T9TPkw.FakfD3oqc4tgrIguLSKbvQ"},
	{"expired, by another", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6MH0.b_U_5BAmO1zKAo"
	 "KvLoBq7qQBGi4B0ONyyyipj9Wpoo0"},
	{"expired, for nobody", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjB9.lJXSr6p5DoJ67VmFSQDMb-NEE1ACqyG2aOi1kV0GRHw"},
	{"expired before it begins", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6MCwibmJmIjo0MTAyND"
	 "Q0ODAwfQ.8dPuSorNh0hWitwDMlXbl9yIVg5Rd3SFxaXgfDw7AcQ"},
	{"without exp", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyJ9.QLH5gmeBdW6b4VGyuRLabOpBd"
	 "DoEoW-85J2kaxrnplc"},
	{"exp as text", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6IjQxMDI0NDQ4MDAifQ"
	 ".9nDd3TWxSOXytOyjocXOowg3FMe33LbHV3DVwDbyVNE"},
	{"exp null", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6bnVsbH0.8FbV74GtL1"
	 "wwoapUqr30eXk8Q5wC10W1fuLKTzRsuuY"},
	{"exp true", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6dHJ1ZX0.unadiBcZZz"
	 "Trn4YrL3cSzZ78XbmXbwYOy6P0_Az9tM4"},
	{"exp beyond numbers", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6MWU5OTl9.YAf3NKG3V"
	 "qHSuRpDo9g7h8yVIk2mfz6QdO2PAvwhiH8"},
	{"exp beyond integers", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6OTk5OTk5OTk5OTk5OT"
	 "k5OTk5OTl9.cDLzIr_zrvDaaaiGpWVHfYiZShOA5Xb8W3nX6OONmKg"},
	{"nbf to come", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMCwibm"
	 "JmIjoxODAwMDAwMDE2fQ.voAGVyXUovXuCBRLs_O8FNupPLPqzTIHkxc5vwVuNQk"},
	{"nbf as text", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMCwibm"
	 "JmIjoiMCJ9.aSkdAiYuZyi0Kb1zovT5Q7deSpvkfpk5FrArRyKcU2E"},
	{"iat to come", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMCwiaW"
	 "F0IjoxODAwMDAwMDE2fQ.H1h-HS-hVANW501a38yohshJRYwRbpRBtvn9c-lbYAY"},
	{"iat null", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMCwiaW"
	 "F0IjpudWxsfQ.NeTlJ0_Ym_Rh5BZSa4Ayaani7x7ME7FZF-FYI16iBkY"},
	{"nobody", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjQxMDI0NDQ4MDB9.FbSeqBNrB_RtVjbAyMFgUS1oe4jNwWGAFaHUI"
	 "HjqPkQ"},
	{"users who are no text", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6NDIsInN1YiI6WyI0MiJdLCJleHAiOjQxMDI0NDQ4MDB9.hYIKU"
	 "luV_P_htKgyZnXVWiyVhW0BLsM2wIzq68Q_Brc"},
	{"empty users", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6IiIsInN1YiI6IiIsImV4cCI6NDEwMjQ0NDgwMH0._U5sply2IF"
	 "KLcVDKHPc1Bse0ZNA7f8GizazoQ7J3uxw"},
	{"a user of 256 characters", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImJhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYW"
	 "FhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYW"
	 "FhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYW"
	 "FhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFAZXhhbXBsZS5vcmciLCJleH"
	 "AiOjQxMDI0NDQ4MDB9.D2jjJXJga-14hWdOTRx7qnwdzvtc_UP5jjPvIGBGjDo"},
	{"a user with a NUL", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZ1x1MDAwMCIsImV4cCI6NDEwMjQ0ND"
	 "gwMH0.Ad9bZoeu4lZYRAgeBJ3y-LrecBXvebWOp4upIgRNV9Y"},
	{"a claim twice", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFAYiIsImVtYWlsIjoiYWRhQGV4YW1wbGUub3JnIiwiZXhwIj"
	 "o0MTAyNDQ0ODAwfQ.EuaJw-6tXUThPC0c1JUFmpiabFXq5qvuM5pU6u1LCWM"},
	{"a payload that is an array", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.W3siZW1haWwiOiJhZGFAZXhhbXBsZS5vcmciLCJleHAiOjQxMDI0NDQ4MDB9XQ"
	 ".4wzAh-_cEEkXRKIUFklAQyFzL1MijgUclkkKpeSrRo8"},
	{"a payload that is text", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.ImFkYSI.5_W42RMCkz1v2-0LRoAdXxMuw4IixDDCCs2Sss4DP9s"},
	{"a payload with more behind", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0ge3"
	 "0.x9FRc3ALnYZaaKBOsfVX4c4NInB4dWHPEumws1bSwnY"},
	{"a payload that is not JSON", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.YWRh.XgeQKn2HLLYcTwgTBsT8BhSas1-kgkEaZk7x_pKSS_U"},
	{"a payload that is not UTF-8", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiL_IiwiZXhwIjo0MTAyNDQ0ODAwfQ.G4IIo8lpXiS4eo5mVZ9sbMn"
	 "RIP2mGxL4UzI9TEeSMzI"},
	{"an empty payload", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9..nc6fjJSQtbtNP5Bm0Et8srwP1UIwtuYysP6f8dfW3ac"},
	{"a payload nested too deep", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.W1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1"
	 "tbW1s.QhT1EHlB3kadhnoizLwzn9V5KvlLYjDd30zX3a7_9WE"},
	{"alg none", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0."},
	{"alg \"none\" over a right signature", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.AO4OxkDICkE-GrV9oIu"
	 "7fU3SLC0wJt8dPlO_kzVJbk0"},
	{"alg \"None\" over a right signature", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJOb25lIn0.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.WVXmPyzkqKmNJqm1M-e"
	 "BkCfC3FXAgi_7AkDfOQNFTLo"},
	{"alg \"hs256\" over a right signature", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJoczI1NiJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.nyTF3EhDUeHGqeea6s"
	 "9pcQDNMmq8klbl7dgfOt3SYV8"},
	{"alg \"HS384\" over a right signature", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzM4NCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.8Y_5XQPOcARYd4RyBr"
	 "Lz4PjzP9wuntKa_RWvGhX61-o"},
	{"alg \"HS512\" over a right signature", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzUxMiJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.GRTkWSqXn3ZeAVvT4N"
	 "ZpOEn7RjHl45T5_fLGUDs3dHI"},
	{"alg \"RS256\" over a right signature", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJSUzI1NiJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.IJaz7gPj2Vgn_VJL5S"
	 "RTMPwezf82SK_b_MF8OZL5yVs"},
	{"alg \"ES256\" over a right signature", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJFUzI1NiJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.o7Oe4SxYE3vsfRx5X3"
	 "fR48c7odsEnw_lsIKLXWmyHOM"},
	{"alg \"dir\" over a right signature", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIifQ.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.LLL52VI2dKw6fyyHsMxI"
	 "gDRuhXLy0yqiMwkDvbTplJc"},
	{"alg \"A256GCM\" over a right signature", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJBMjU2R0NNIn0.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.56Sw_jQ38gNF12c"
	 "5mp1fJdxZhlgAYmigIOcfKU3ecZ0"},
	{"alg \"\" over a right signature", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiIifQ.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.5zdf7zaOOhanAZJVFqPKCGBs"
	 "LbELGAaXnXEqWs-jZt0"},
	{"alg \" HS256\" over a right signature", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiIgSFMyNTYifQ.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.K2UcLl1M5f1ABcUJ"
	 "GSBB8yGAL7M08eVZZWerl3D2P_4"},
	{"HS512", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzUxMiJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.QbQJJ0VGJluelrQrzi"
	 "zMtYg0r7MWrE1bgkyonDZ3_Sp-WcKVAzDYkci3t74CkbJWVUKFyw97jEQFvwri7SveMA"},
	{"without alg", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJ0eXAiOiJKV1QifQ.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.QiSkQcASBq6LP9jxj-fQ"
	 "hPqGtsip-c2F_SClmigY86o"},
	{"alg as a list", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOlsiSFMyNTYiXX0.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.2X-DmTVAArveYgS"
	 "GB0zPQPXg8y1lav_mvkFLXawzFVw"},
	{"alg null", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOm51bGx9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.-gZhF5VpQgRMDWY5sgsIfe"
	 "AOZi2QOlPfyxO5zvewkqI"},
	{"alg with a NUL", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1Nlx1MDAwMCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.hFMtalZ34h"
	 "IPFmj-HmkoVMu8-GqvNBAwD_2eBkizBHI"},
	{"alg twice", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJub25lIiwiYWxnIjoiSFMyNTYifQ.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0."
	 "SbdXyT6uqTxa3YS6CiF1fMYSpVJYWZQut0_oImOYWU4"},
	{"header with {\"zip\":\"DEF\"}", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInppcCI6IkRFRiJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.q6"
	 "x3YKJtb0WX7L4y6e2U3F_CJNnxcZwZVxF0u4GNl1Q"},
	{"header with {\"crit\":[\"exp\"]}", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsImNyaXQiOlsiZXhwIl19.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH"
	 "0.f6msoymn83KhTsBR63uosKKWFM8pParb6d3eZb5SULw"},
	{"header with {\"p2c\":1000000}", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInAyYyI6MTAwMDAwMH0.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0"
	 ".Jv29dcgOPPjK9K7E2ievuFwV4HJP2ACS94QtCpx_EjM"},
	{"header with {\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}}", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsImp3ayI6eyJrdHkiOiJvY3QiLCJrIjoiQUEifX0.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV"
	 "4cCI6NDEwMjQ0NDgwMH0.BMjzyo9KmOxp-R1UR27x4AC4BnrEcgO0PpRJcOVj90Q"},
	{"header with {\"jku\":\"https://evil.example/\"}", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsImprdSI6Imh0dHBzOi8vZXZpbC5leGFtcGxlLyJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsIm"
	 "V4cCI6NDEwMjQ0NDgwMH0.NrO3t-XwMi9NKK5dTAKRqdx-dzKcGw_eacOTXoz95EY"},
	{"header with {\"x5u\":\"https://evil.example/\"}", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsIng1dSI6Imh0dHBzOi8vZXZpbC5leGFtcGxlLyJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsIm"
	 "V4cCI6NDEwMjQ0NDgwMH0.nSQ49QDjDvjgIsPciNpisX1TomVNmWNjyGp7h34abYQ"},
	{"header with {\"x5c\":[]}", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsIng1YyI6W119.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.-p155Q"
	 "l_KIfsomq67IakBPehJcV6RCe_jdbINS70auo"},
	{"header with {\"b64\":false}", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2V9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.6L"
	 "qv1pOJrTP4PKu3mb6PYNu2K4h-M5b6UblVj_AfOIw"},
	{"header with {\"enc\":\"A256CBC-HS512\"}", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsImVuYyI6IkEyNTZDQkMtSFM1MTIifQ.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEw"
	 "MjQ0NDgwMH0.aeAFBW1MOmFlwFE0YGdCMTBDHyhkB1EV2JJ6yAo-jxg"},
	{"header with {\"kid\":1}", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsImtpZCI6MX0.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.orYNMwL"
	 "ffgVbUi4iqAodw2nTAjzBQhQY2XIq3aMiuF4"},
	{"header with {\"typ\":null}", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6bnVsbH0.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.2au"
	 "U08Q7_DBW9qy43My4I0DN1-K8IpXyeFHRmycj8aY"},
	{"header with {\"typ\":{\"a\":{}}}", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6eyJhIjp7fX19.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH"
	 "0.IsI5Jbt_g7iNOqbPyiKfusZpwes61X_3qxqP5ZGQFQU"},
	{"a header that is an array", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "WyJIUzI1NiJd.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.oFvneB0k3JOFaM7FeteRUeSyLq"
	 "vyaWr5IjVAZ-6vlLE"},
	{"a header that is text", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "IkhTMjU2Ig.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.bk1F14sWJDhv193M0YGlUJDCzpor"
	 "5oarAirbAaUQLsI"},
	{"a header that is not JSON", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "SFMyNTY.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.J-0VARxC9sXpkhPy-1Au1vsPJRrZ-LO"
	 "xcNo2-21HSWk"},
	{"an empty header", TOKEN_BAD, TIER_ANONYMOUS, "",
	 ".eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.gxEIgtYOv_9ThdpuGMhKXnVW66kwl0ULjfAz5q"
	 "gT6Qk"},
	{"a header with more behind", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiJ9e30.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.W8vIy1pMtjZtNs3"
	 "4nd2Qi8r-zdCPfHxRe-d5l9ZlQEg"},
	{"a header nested deep", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOnsiYWxnIjp7ImFsZyI6eyJhbGciOnsiYWxnIjp7ImFsZyI6eyJhbGciOnsiYWxnIjp7ImFsZyI6eyJhbGciOnsiYWx"
	 "nIjp7ImFsZyI6eyJhbGciOnsiYWxnIjp7ImFsZyI6eyJhbGciOnsiYWxnIjp7ImFsZyI6eyJhbGciOnsiYWxnIjp7ImFsZyI6eyJ"
	 "hbGciOnsiYWxnIjp7ImFsZyI6eyJhbGciOnsiYWxnIjp7ImFsZyI6eyJhbGciOnsiYWxnIjp7ImFsZyI6eyJhbGciOnsiYWxnIjp"
	 "7ImFsZyI6eyJhbGciOnsiYWxnIjp7ImFsZyI6eyJhbGciOnsiYWxnIjp7ImFsZyI6eyJhbGciOg.eyJlbWFpbCI6ImFkYUBleGFt"
	 "cGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.Tw7qrPDumpyfYjLiqMiqkWKoBLqm48szERuPJ8yoR4U"},
	{"a long header", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsImtpZCI6Inh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh"
	 "4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh"
	 "4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh"
	 "4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh"
	 "4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh"
	 "4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHgifQ.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9y"
	 "ZyIsImV4cCI6NDEwMjQ0NDgwMH0.6H2zPhRirlM9z0ZMyO5EscvteAnRiiVdJ32HO1Ctl_8"},
	{"another's signature", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.tK"
	 "Jy0HLMJTAZRHCJhqZdCpRAuWZtns2ojcjRJGMSBf0"},
	{"another's payload", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMCwiaX"
	 "NBZG1pbiI6dHJ1ZX0.YMdgBQArpUED_8i3S0DEJT4Jvrh9rqW3492-x-J0M_g"},
	{"no signature", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0."},
	{"a signature flipped", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.Yc"
	 "ZhBAEqpEAC_sm2SkHFJD8Iv7l8r6S24ty_xuN1Mvk"},
	{"nothing", TOKEN_BAD, TIER_ANONYMOUS, "",
	 ""},
	{"a word", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "token"},
	{".", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "."},
	{"..", TOKEN_BAD, TIER_ANONYMOUS, "",
	 ".."},
	{"...", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "..."},
	{"....", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "...."},
	{".....", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "....."},
	{"a.b", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "a.b"},
	{"a.b.c", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "a.b.c"},
	{"a.b.c.d", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "a.b.c.d"},
	{"a.b.c.d.e", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "a.b.c.d.e"},
	{"a.b.c.d.e.f", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "a.b.c.d.e.f"},
	{"a part more", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.YM"
	 "dgBQArpUED_8i3S0DEJT4Jvrh9rqW3492-x-J0M_g."},
	{"two parts more", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.YM"
	 "dgBQArpUED_8i3S0DEJT4Jvrh9rqW3492-x-J0M_g.."},
	{"a blank before", TOKEN_BAD, TIER_ANONYMOUS, "",
	 " eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.Y"
	 "MdgBQArpUED_8i3S0DEJT4Jvrh9rqW3492-x-J0M_g"},
	{"a line's end behind", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.YM"
	 "dgBQArpUED_8i3S0DEJT4Jvrh9rqW3492-x-J0M_g\n"},
	{"padding", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.YM"
	 "dgBQArpUED_8i3S0DEJT4Jvrh9rqW3492-x-J0M_g="},
	{"base64 that is not base64url", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsImtpZCI6Ij8/Pz4+PiJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH"
	 "0.YzoSuMsCFRRyGdSSTnlAFMrcNsNhI832NVMHjQDP7Zg"},
	{"bits that nothing is made of", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsICJraWQiOiIifR.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.Sngh"
	 "_-x5FZ6Zx_mdaf0tc_Sa6ovs9NIZDy8zpaaoPlI"},
	{"too long", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMCwiZm"
	 "lsbCI6Inh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH"
	 "h4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4In0.aV9vm35sGodLZWSTmHyR4hFarP-VndGusqIDEaeeuqU"},
	{"very long", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	 "a"},
	{"another's session", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..M7dR8McXrglieck1sq5GCg.pVZBx7FVOu_piUydQh53Qi4qZB6"
	 "HIBLtKR9qSP8wh2of2hwFA84OZthMzP_cRWxa.FXXlUlwf5JjegSXSu8BiRJ2aCMgSCjwWPme7D-JJkvk"},
	{"another cookie", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..YiNDHl1fp6y7aB8uRRttIg.idvklg-Z4wP9NXb-2soe2QZ7EUF"
	 "cufjAXE1FMGmMbMdVcOJgy5_jm2MI4uzo8TDX.lrFesXxO8q2QBL44ozNnev4Y0ocZ8zxoKQeO8Api3wA"},
	{"an encrypted key", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0.MDEyMzQ1Njc4OWFiY2RlZg.NSQoyJLIoQGgiEWeZV__tA.DnyZb"
	 "_TvxiCkLWr0Fje7cfovBNeQhCj6yGZVtBCfGL1HeovvD2m6IQsIPd9Bjc6X.9L05B0ekqN4Q-GesswbvGjxYCbjD5KW8slkqPG1W"
	 "mDU"},
	{"session with alg \"none\"", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJub25lIiwiZW5jIjoiQTI1NkNCQy1IUzUxMiJ9..TFGja3aSvjbSgB2JiKWpfQ.U-i-snQOiM9n9QKN1J--oaeql5"
	 "a8CMMMrFAgey3AUHoTddPGpqTx5Zfby9WHEwGy.BsJqsBp7ixPdfQPIoLgKH7FgkE2HtuHBP_2Ms4EwPAM"},
	{"session with alg \"Dir\"", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJEaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..ecovO2LTONFwOKOLJXj4OQ.2wAnXzrUqlWYVIDZyjULRYAsOAI"
	 "RjAVp8N6XCKPUVYLiwWmgo53KVQSyqEN1eYM6.Z_gpCUN2ElVCa-lXWo2fxCpWzbnCHc8s_LSsZSbfnuE"},
	{"session with alg \"A256KW\"", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJBMjU2S1ciLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..woxadvYJGz2riZmaBUoBpw.q92sbVtBn8UMEN28yS7-pMC"
	 "DzZRX0njPEHVMknJwctXVPTcRVG2DSdtUx8b3oN3q.MnZ_fuCD5MDoOgsP-1a9_q6YR331EXBnZRQ63rwznvY"},
	{"session with alg \"A256GCMKW\"", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJBMjU2R0NNS1ciLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..NhT0UYAoSSvxDkd_T1E8rw.oetV9UM4XezADVlb8--"
	 "wjSjX7D2qQp9pTtICieB37LWBkdKNOoRnZgnjapwR42CD.vTxchs2pADcVn0jRYWiTpOjPcINhGL2ErX_YeNRPtKA"},
	{"session with alg \"RSA-OAEP\"", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZDQkMtSFM1MTIifQ..ByaWxKHsK6D_YTMYhj-nWQ.HW0s5_GdWsmRyMWavofj"
	 "pZBvx_kMuqGK9x9qFVrDalNruXlr6XYxsHsQtfs5llG4.0khrjDXKNEMqqyk0ozuTS7b27Gk_ZXpWrJQ2iJvbJ_g"},
	{"session with alg \"RSA1_5\"", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..tY0lAUFuU1fef0n5o7XrIw.BOH2z-lgcVWvcmBOPzP4JNy"
	 "d30RDnL4UzZ01F6eApJ5IlbPlWsYnDjOInOfmIkDr.MLf_kbJrwnRQ-bOYRq0n1tAR5vCxtzVdnN3tdIleRk4"},
	{"session with alg \"ECDH-ES\"", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTI1NkNCQy1IUzUxMiJ9..XZAwCUuk-GhX1SR3oh17zQ.EXX7Q2dVUQbpwqfWAB73IY"
	 "MCIfKBV2M2lHNRj4cDpy3DQdBKRypiByGiCUkmB_uQ.M_HOTHfCfOYx8IOTHtzsIZ6yEnZdX7jGwoP2oZmCZco"},
	{"session with alg \"PBES2-HS512+A256KW\"", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJQQkVTMi1IUzUxMitBMjU2S1ciLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..v_NdvfBqnx2avkSCOgRigw.wvIXsrI"
	 "6soOjEdfE3MzPN97DDV08I5dFuP_zHbUloa7uJt3gzwY97r8GRgXTNzFD.Re5CwfKmaqNYo_dmtxwvyVKP74T_yvP-HZOExGRLX3"
	 "M"},
	{"session with alg \"HS256\"", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsImVuYyI6IkEyNTZDQkMtSFM1MTIifQ..Gy59rrHUEbwq2sSBb9uvWQ.MK6ckBjQ9GYZpLwTqK_3t07M"
	 "mh-SU8VZRDUYg4uiLxTYrur7hhEs_RlD3h7b5jEb.4XFfmykwytFXUi8d4uXYHchkRxkVvvMjFQq6zSDjlM8"},
	{"session with enc \"none\"", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJub25lIn0..4k9DKZvzJlgSf75Nfi6-hg.sXVKCdKXPjp3uzM3v7w_QfMyBrkiBL--dxdmZfH"
	 "cRgf1TjmbnCljWv6Z1rzbG3gM.JeRzXjqve9QH7F0Nap3ny3obzHciMZRhlpfTHV78pyU"},
	{"session with enc \"A128CBC-HS256\"", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0..Vnmb4nFYlSRIQxTxbQLiXQ.nFPjdezlUosXdbAFtfKqWb6JwGH"
	 "XrtNB8ulBuIxMJxJ0qZdf-CY2_8coIMHxo1Gq.VWTUL8vkEUk39W2EseAlOS-s0Gyxa4UWjQ0bMLHbVQU"},
	{"session with enc \"A192CBC-HS384\"", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTkyQ0JDLUhTMzg0In0..XKpu9C87kTG2abaoaaykdg.hY4jGYwM_wEziA-TWJ3oAEODeip"
	 "XklFgFyauZoDlYS_PdApu1wZU0ZL_uLes7PMC.tNz6j56yUULj3Z1EgrFNLE-yFBok4F0kWgLX1JGb5R8"},
	{"session with enc \"A128GCM\"", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..UMPr-kF8pAqK5B0h3ajt9w.62uriiCMlAeLntkrxdosgyb3u8vxMNjpi5n"
	 "4FSBL4NZnjVn5Yme41eTXmG6SoZUs.D1XgJwkZwB35pHu89yNHL87kS1Gz3GcWPR116zfXTUI"},
	{"session with enc \"A256GCM\"", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..MIOtBwkDeesDkIRmw6sp1A.w7jb3VZAkZhLjejXR5I5fUbMd-cKSqb30PS"
	 "7tx6Vk9r1sPAVLNtQ-XTSKnVobQnF.Ncw_rCN133s41e0QilFY0N_MNKMNHoPjR24-l5BAup8"},
	{"session with enc \"a256cbc-hs512\"", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJhMjU2Y2JjLWhzNTEyIn0..mHp8gwgG1CVTl-vkEfhCcw.dYbbCfD0S9_m_H2RaqAZjzZoriU"
	 "TvynGyjmd3GkrYOEaOIXAXcOZQ4HgdEsw3Ayw.NtQqAkLwQHz-X851-t4-lSczqLPwaclSjMN_ti6zJUE"},
	{"session with enc \"\"", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiIifQ..dS7B9XItAEkEgXeVgM-0mQ.6YyyNTvCKguC5UoGqcRh8swdpcAszm0iTIzVxQ-UYAgH"
	 "YRYyfpXIjioBKtfCqDuu.jebM44MGSVf6CjU4vnlKsH19aXkggHqsdDnLvgkn-4s"},
	{"session, enc says CBC, is GCM", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0.._h82v2zkA9PGW4_J.94z-lszN33mFk5G1KZ2SjyGTw4VdUcCDe"
	 "X9mib3Nxxh4PFbYFje5eeWkO0I.c6JNAAY4x5kdfRY1bEpACg"},
	{"session without enc", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIifQ..OuBxX3BGojjVO4HTGgy1gA.nig70KfphKXs8dkBaM0BZ6WVnEsNvJVzjlJRL65Pev8r3e2WOBtOuVYo"
	 "dVC_rcM9.UsIMv-SnZ0I1iFtHT9fyExgvK3MYHY2m9xiw8RDFXko"},
	{"session, compressed", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwiemlwIjoiREVGIn0..LoAO6rzgzTqeID2xDdZyYA.H_0Kn0eLlMx"
	 "FbSftk2NHzvLyakn31Dj0fUmmemMyiUEfJ2EthRD1bc2TmDnRbUPz.Z5HgpksUlqReN9ZDm4k0jcf6-BOy0QOHEM2EHj4r8_Y"},
	{"session, a bomb", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwiemlwIjoiREVGIn0..zTNc-u_vkuucq88j.JRa_vGcD5J4neq2vGPwwkL6dH"
	 "R7aBg0wfwGfJr82VS5Bamu5bdk2oIkoNWrELae5Yq90RBasKxecWu7WgnY2wdn1DsLDJbf0fxBHaEfFMS4hhmNe77zDDbb-4dCjT"
	 "G1JSFs3yXqi28yovbMiVk3XlkjJyy62mWFgM4XBZ0J_MQvA7pxuHVg1Fdiszl3IgiCmG9VyacaJ9k_DL9wa9K7lozkTGbwXlJo8N"
	 "XzN5aQnBHUSZ1wzqSQA8acuHJkj9rBJlaxZa_9VvZuhciARimkPP7UW5jqaOGYXzsycYqfxAp1PxYDNy1IBh41JPWeHw0KpmDMlZ"
	 "0oPaowsZ5XjKSYZsIIEn1s-RUatTS05AyshcHSmai10deZ49vXDsqPupiyHRT-zW8eoknEoS-h_sCUrwj7yqfklKwLXNpfdibVEh"
	 "H7nwXKSd2tMfS0gcNI2Ljx-M2zEH64yC8znMT-GXphUCcFvFLBHf6KEEo64NibnS_gQ_CThoH5CiI5x-Z9WEKKaP0lY44iDNiCAJ"
	 "7ZE4EC-6sdPTnN7EnanvZV27gkS7WO7elq5o-4L1KOHm8mv0NJHXswyy56fKhbIvzaQ9k1OTJ69YaCB33oeYFMP76kYbbv8cV6iU"
	 "Tkd_Ecu8iLEupMauFdN611QLareuTlyRwAE6iHNJn7WucMiYLphJU-a5Io8B1yHJewXukSNr4Z2prYv1xsHYa-UXQt48QnsxZ5b7"
	 "84AXqKFudWNlZ6LJ4nCYF4zTlZ6TKKkDDJbKQjBgYdocAiY0abhnVyx0xyS2MvxN08N9-KWsRdv8AvYlG7nFfNZXE6Pjr4VJJ6dY"
	 "hSRrT9JsAArgARBf-BL_1kRQy0-RDtqknK28h0tUOYpsEg6VtnQ9VKyounytwhn7-7ZsBckxoGqfQnMKKClD6JLOyykV5WahA1vN"
	 "jFA1xIuaHOpSwRDxhy7-PU74zXh1Tc1KoR73GnX7jQuz6gGiBOaoSBO3pMsBKHw-KfRCP5CvGXMTTqEwutyEqMbgUxUPtV2KjRmO"
	 "aoHRdudsmn4J3o7SVGN6bFL_lCUr7vlfx43bCo95Yan3rBFugi9WybgZ8BvgVwpJ456ZZMkD9WO2wyhG7k9dNJAnznNPswDqOzk1"
	 "bHSw8I9PH5fdJ2WQTQzNEsNKgNbGQG6kmYyPrrYVu3Xd-c2N58px7g_IEeEszUQRNmfxynkeJIb30sAv8DFACjMQkl2T7RwRXK8m"
	 "s6uo-Xh_1MBP_0UPniF58jnWRsnKdvb3nw3X38Bt2EphupLOPPl5QzQhHwj-Wp-h0vigj2DCfvl8bdPCqs8wz5SPXs.lX_jHa9IW"
	 "ymUd-15v3L41g"},
	{"session with {\"crit\":[\"exp\"]}", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwiY3JpdCI6WyJleHAiXX0..QtvERqw1z7d6UwGy7fUiRg.zS3eCIk"
	 "jCvgCxtpaxleHspE_kyD2Z5supOLRM8co7yCtHjR40_hI8ghY9rj8PmKx.-qChC_3QM1liuru8pU_aqACvI7dYT0k10PjtsR-ER6"
	 "c"},
	{"session with {\"p2c\":1000000000,\"p2s\":\"AA\"}", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwicDJjIjoxMDAwMDAwMDAwLCJwMnMiOiJBQSJ9..PadybjfFw4zY3"
	 "-EjPuMM-Q.cLeTmWQG90yP1lBU1hEcrgJSpjflwU_Ooz2ZXSllFCSY2S20kbzdzY7xIhHe37hj.xlm-SaCo4nmw5OnW0Hdypc09q"
	 "kBs3UBb9QM_XbatoxY"},
	{"session with {\"epk\":{}}", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwiZXBrIjp7fX0..QJQ78qSuVSZw5mTTH6BAgQ.gsYI48qoiaoyS9J"
	 "wZ92MNaqBkm7k-pPJreOZvYM-8Yce0vHWFj7uNGKqBBPWec00.pVLmXATliU95KbJjFcoWd_YtHB0ka7TjhaC_-jdQito"},
	{"session with {\"jwk\":{}}", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwiandrIjp7fX0..g_TZnAbUJP1Qqx4oYFVl0g.kUNFtH9tne5w1VP"
	 "aqxFTxWa-9dJ475ZsR9vn8kleKL5XDfvshV_FwqNDpQAbGeWD.RYyCoW_lWCaUAuJ6qozcrK5iGl6i97HbVERpXslf7xw"},
	{"session with {\"cty\":\"JWT\"}", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwiY3R5IjoiSldUIn0..V99Mzk7CpgPd7VXzNl8hpw.MMenoS6LLFt"
	 "MpGLKXQi6ntK01zfninktgys5GIkLItkTwdNTNOcWmdqhPSMRbDDp.KBgjNGkKhRZWuEMPPINB2gdAukaS1OaircaQ6G0B5kU"},
	{"session with {\"iv\":\"AA\"}", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwiaXYiOiJBQSJ9..qxQFaMUMtRNVb3CmtcXbsw.D2W1uTpykbVuFn"
	 "3j2Icw-9rDosdFAk79d7NM-eoeZM3oJYnVso-scEZCVQIO4Ure.KRsNEzarwrbKX1syZoXIfI5zxbARkr3piAAAY6nGpFA"},
	{"session with {\"tag\":\"AA\"}", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIiwidGFnIjoiQUEifQ..lMp48SqmO0aGsQKXDDKeEA.Iup4ln_kmjwp"
	 "zkrIItb2KeQyB2BoWiYjM47Xp0WdN_xSFsqlIQRXrrPRMPLO5cwG.h3rdurqDXIzq2WCtCAUAz8LGLv1y1EOW6LeGQXgNJq4"},
	{"A256CBC-HS512, no iv", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0...pYNO9LFvdwEilZOF599ulOnT_KRWKH40ksSO9p0k4imizt7Hq"
	 "kMpMpefWn-Jt0Af.vg08cbT2n3_1IIgmSTtSX9gYb1vBi0hT1oSonFuTG10"},
	{"A256CBC-HS512, iv flipped", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..pw39riAhk8AZS8qdrYI20g.pYNO9LFvdwEilZOF599ulOnT_KR"
	 "WKH40ksSO9p0k4imizt7HqkMpMpefWn-Jt0Af.vg08cbT2n3_1IIgmSTtSX9gYb1vBi0hT1oSonFuTG10"},
	{"A256CBC-HS512, short iv", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..pgz8ryEg.pYNO9LFvdwEilZOF599ulOnT_KRWKH40ksSO9p0k4"
	 "imizt7HqkMpMpefWn-Jt0Af.vg08cbT2n3_1IIgmSTtSX9gYb1vBi0hT1oSonFuTG10"},
	{"A256CBC-HS512, long iv", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..pgz8ryEgksEYSsucrIM30wAAAA.pYNO9LFvdwEilZOF599ulOn"
	 "T_KRWKH40ksSO9p0k4imizt7HqkMpMpefWn-Jt0Af.vg08cbT2n3_1IIgmSTtSX9gYb1vBi0hT1oSonFuTG10"},
	{"A256CBC-HS512, no text", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..pgz8ryEgksEYSsucrIM30w..vg08cbT2n3_1IIgmSTtSX9gYb1"
	 "vBi0hT1oSonFuTG10"},
	{"A256CBC-HS512, text flipped", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..pgz8ryEgksEYSsucrIM30w.pIJP9bBudgAjlJKE5t5vlejS_aV"
	 "XKX81k8WP95wl4yijz9_Gq0IoM5aeW36ItkEe.vg08cbT2n3_1IIgmSTtSX9gYb1vBi0hT1oSonFuTG10"},
	{"A256CBC-HS512, short text", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..pgz8ryEgksEYSsucrIM30w.pYNO9LFv.vg08cbT2n3_1IIgmST"
	 "tSX9gYb1vBi0hT1oSonFuTG10"},
	{"A256CBC-HS512, long text", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..pgz8ryEgksEYSsucrIM30w.pYNO9LFvdwEilZOF599ulOnT_KR"
	 "WKH40ksSO9p0k4imizt7HqkMpMpefWn-Jt0AfAAAA.vg08cbT2n3_1IIgmSTtSX9gYb1vBi0hT1oSonFuTG10"},
	{"A256CBC-HS512, no tag", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..pgz8ryEgksEYSsucrIM30w.pYNO9LFvdwEilZOF599ulOnT_KR"
	 "WKH40ksSO9p0k4imizt7HqkMpMpefWn-Jt0Af."},
	{"A256CBC-HS512, tag flipped", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..pgz8ryEgksEYSsucrIM30w.pYNO9LFvdwEilZOF599ulOnT_KR"
	 "WKH40ksSO9p0k4imizt7HqkMpMpefWn-Jt0Af.vww9cLX3nn70IYknSDpTXtkZblrAiklS14WpnVqSGlw"},
	{"A256CBC-HS512, short tag", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..pgz8ryEgksEYSsucrIM30w.pYNO9LFvdwEilZOF599ulOnT_KR"
	 "WKH40ksSO9p0k4imizt7HqkMpMpefWn-Jt0Af.vg08cbT2"},
	{"A256CBC-HS512, long tag", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..pgz8ryEgksEYSsucrIM30w.pYNO9LFvdwEilZOF599ulOnT_KR"
	 "WKH40ksSO9p0k4imizt7HqkMpMpefWn-Jt0Af.vg08cbT2n3_1IIgmSTtSX9gYb1vBi0hT1oSonFuTG10AAAA"},
	{"A256CBC-HS512, nothing encrypted", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..T-HMJYYT96MTPjMK_uq6tg.c5DeKQsggV6h07PQ5UnLzg.wYSG"
	 "pv6Gl7QYM5fSWirxmWgdqHIvA4SyVI7OAoPB8ss"},
	{"A256CBC-HS512, a payload that is an array", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..I8Bttcb0Z9a-U_CY2trQzQ.HNdpsXEWmU00vdxmolnUW5Cv9ku"
	 "63Jwd87Q3j6YB59YV2kPNXfYw8ff1VECE22fu.bJfGemxQxoM4kFSb2otrg3XaU-cx-eErBcZVrsOI9Bk"},
	{"A256CBC-HS512, a payload that is not JSON", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..8nQUfH8toIwEnEf80NstYA.fiK4rUqV1ElMPpEyfU7_gA.Biaj"
	 "zER_Pu1Gg0Npycl6lmqowV2r3M_pQ0KzBZvXoZ0"},
	{"A256CBC-HS512, a token inside", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..9WnYZ1dKa2Yd3hp5VX5veg.UOB4nznrzS_prSoAX8HDA11V1AN"
	 "OKpvut-dpMMXa8K7J96_QnGlAAmjDfBsbndQ8eXuU9J_3WZ7TRlo4CocKqtvqXlYdp5ZyQVPW9qsLbRPl-50GCGoyHIju1g1n-Yj"
	 "nD5MqXqmIUjDm_ZXZ2ynkpt2ZT1z3cn7kuZQ6aOmVqHBLJzlwsXC5Jq06iaXXwsjr.T_jUfQ8F4-0wN_uHw-I13l9I-BrEJhLP9L"
	 "9Ic1tkKPI"},
	{"A256CBC-HS512, a claim twice", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..hHZbdNmNkhSCNyHt4R4mpg.JiO-1nIqzcT6Ot_hitnmtNVOZWA"
	 "5WL3-POwpUM9IF9gl5-GUe8w36iddIQTNJySh.HyRTA6YGdOWAIjUcMPsCfLumwsSv9WxC4LxyNd8oOrM"},
	{"A256CBC-HS512, without exp", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..XyBxOkplpNwZfTlpg5xpgA.XCaqSTm2X2o1PIr_zaW9MTfGzQq"
	 "E2D3qNls2TVcUcfY.ZyInUJeRnyc92lASK5420k9yhr0ShF1gpmIPct_Z4oY"},
	{"A256GCM, no iv", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0...JpGJUXzmFqMzddG820I1nCD5GUU3FOwzHE79gCv0NSB800t7bEXzxNnYH"
	 "4o.4VYJG-yhbYfv_SQnn0UyXQ"},
	{"A256GCM, iv flipped", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..2ehNgURMr_1q6Ws5.JpGJUXzmFqMzddG820I1nCD5GUU3FOwzHE79gCv0N"
	 "SB800t7bEXzxNnYH4o.4VYJG-yhbYfv_SQnn0UyXQ"},
	{"A256GCM, short iv", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..2OlMgEVN.JpGJUXzmFqMzddG820I1nCD5GUU3FOwzHE79gCv0NSB800t7b"
	 "EXzxNnYH4o.4VYJG-yhbYfv_SQnn0UyXQ"},
	{"A256GCM, long iv", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..2OlMgEVNrvxr6Go4AAAA.JpGJUXzmFqMzddG820I1nCD5GUU3FOwzHE79g"
	 "Cv0NSB800t7bEXzxNnYH4o.4VYJG-yhbYfv_SQnn0UyXQ"},
	{"A256GCM, no text", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..2OlMgEVNrvxr6Go4..4VYJG-yhbYfv_SQnn0UyXQ"},
	{"A256GCM, text flipped", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..2OlMgEVNrvxr6Go4.J5CIUH3nF6IydNC92kM0nSH4GEQ2Fe0yHU_8gSr1N"
	 "CF90kp6bUTyxdjZHos.4VYJG-yhbYfv_SQnn0UyXQ"},
	{"A256GCM, short text", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..2OlMgEVNrvxr6Go4.JpGJUXzm.4VYJG-yhbYfv_SQnn0UyXQ"},
	{"A256GCM, long text", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..2OlMgEVNrvxr6Go4.JpGJUXzmFqMzddG820I1nCD5GUU3FOwzHE79gCv0N"
	 "SB800t7bEXzxNnYH4oAAAA.4VYJG-yhbYfv_SQnn0UyXQ"},
	{"A256GCM, no tag", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..2OlMgEVNrvxr6Go4.JpGJUXzmFqMzddG820I1nCD5GUU3FOwzHE79gCv0N"
	 "SB800t7bEXzxNnYH4o."},
	{"A256GCM, tag flipped", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..2OlMgEVNrvxr6Go4.JpGJUXzmFqMzddG820I1nCD5GUU3FOwzHE79gCv0N"
	 "SB800t7bEXzxNnYH4o.4FcIGu2gbIbu_CUmnkQzXA"},
	{"A256GCM, short tag", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..2OlMgEVNrvxr6Go4.JpGJUXzmFqMzddG820I1nCD5GUU3FOwzHE79gCv0N"
	 "SB800t7bEXzxNnYH4o.4VYJG-yh"},
	{"A256GCM, long tag", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..2OlMgEVNrvxr6Go4.JpGJUXzmFqMzddG820I1nCD5GUU3FOwzHE79gCv0N"
	 "SB800t7bEXzxNnYH4o.4VYJG-yhbYfv_SQnn0UyXQAAAA"},
	{"A256GCM, nothing encrypted", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..kkMTQJl--DBb9H-g..7LoTpHYFwnac88DHTBDmzg"},
	{"A256GCM, a payload that is an array", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..oT8K5dCAh1Eubebj.6ZUMx4bRPC_GyC9aNf0CmtC2FXWGJ32ufhjn0lKIZ"
	 "DMv4V0DVPn8il5eH0Bflg.RDk6413Uf_D2OEQHNmt-hQ"},
	{"A256GCM, a payload that is not JSON", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..E0dHpEETl6PZ1jps.3Gn1.jr9fPIWznbFGdTd_ZULNYA"},
	{"A256GCM, a token inside", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..qyrY8hpcJvavwvl0.j90lYezentCJCDqlc6YD9lX9nDTEaFY_M1cA30iyR"
	 "RBqmAxSNPdjH3dsCTSS1JHGJZkkxAySFm-V36QbpRMcp12DEXnSpEbIMuQNeeOiZBDOiA3pOcQlvgnfSxdoDm1yWM_PMhmCGXPnM"
	 "jw0aVgMd0pG7fk2IBS0a5-VHJCK7UGroNAmxNOpdm63V0k.XSOucG6XoQ291nga5Dwt_w"},
	{"A256GCM, a claim twice", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..gheCVxD-yEhvSfuq._i20flGeBsGnzlljBJq1T3WSzY2LGS8ZN8Jhyyusl"
	 "G5RXWM9Obo.5bWBKzt-IdStO0K--aPBNg"},
	{"A256GCM, without exp", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AZ4IjEFzp4xdAPh3.Pa6E2caqtWzxBk-GtWXCPEbBOSXpsT2fr0QQ.Wfqn"
	 "fEoobk5uCWyoGvNkSg"},
	{"padding that is wrong", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..kqKgAgsWCNI1T5ExmgSKQA.2EeYCFxNq0WOvo-CdP7VRaotO79"
	 "rmQB5yVz-kINYI48r4FmItJ7h5_KMyDnKpOKYDr6NKJrvYS789f-vWZbnUg.q6JdVircXx3ys1ARpbzKV-eMiyiBv0FUDYhMnvK0"
	 "_ks"},
	{"three parts of a session", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2Q0JDLUhTNTEyIn0..1HFqDp-HCqsjvr9vBF8H7g"},
	{"five parts of a signed one", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJlbWFpbCI6ImFkYUBleGFtcGxlLm9yZyIsImV4cCI6NDEwMjQ0NDgwMH0.YM"
	 "dgBQArpUED_8i3S0DEJT4Jvrh9rqW3492-x-J0M_g.AAAA.AAAA"},
	{"HS256 in five parts", TOKEN_BAD, TIER_ANONYMOUS, "",
	 "eyJhbGciOiJIUzI1NiIsImVuYyI6IkEyNTZDQkMtSFM1MTIifQ..jrR8lH1st824-s8v1jZoIQ.SIQaKLNml9YKr1yz4AQbOjVQ"
	 "6dUI7ZDPUJEZCto2A6d_gjVtoaFrvMamNd_0P72H.XumPT7FSb3f5cm5uDH_gspMkkPd01znFa-JVRF2CveQ"},
};
