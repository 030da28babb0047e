\ Reads files of name="value" lines into the environment, a character at a time, and keeps a list of the
\ modules that such a file asks for (NAME_load="YES", NAME_name="FILE").

32768 constant conf-limit
variable conf-fd
variable conf-text
variable at-char
variable end-char
variable name-at   variable name-size
variable value-at  variable value-size

\ A module: next one, name's address and size.
variable modules   0 modules !
: module-name ( module -- addr len ) dup cell+ @ swap 2 cells + @ ;

: more? ( -- flag ) at-char @ end-char @ < ;
: this-char ( -- c ) more? if at-char @ c@ else 10 then ;
: next-char ( -- ) 1 at-char +! ;

: lower? ( c -- flag ) [char] a [char] z 1+ within ;
: upper? ( c -- flag ) [char] A [char] Z 1+ within ;
: digit? ( c -- flag ) [char] 0 [char] 9 1+ within ;
: mark? ( c -- flag ) dup [char] _ = over [char] . = or swap [char] - = or ;
: name-char? ( c -- flag )
  dup lower? if drop true exit then
  dup upper? if drop true exit then
  dup digit? if drop true exit then
  mark? ;
: blank? ( c -- flag ) dup 32 = swap 9 = or ;

: skip-blanks ( -- ) begin this-char blank? while next-char repeat ;
: skip-line ( -- ) begin this-char 10 <> while next-char repeat next-char ;
: scan-name ( -- )
  at-char @ name-at !
  begin this-char name-char? while next-char repeat
  at-char @ name-at @ - name-size ! ;
: scan-quoted ( -- )
  next-char at-char @ value-at !
  begin this-char dup 34 <> swap 10 <> and while next-char repeat ;
: scan-plain ( -- )
  at-char @ value-at !
  begin this-char name-char? while next-char repeat ;
: scan-value ( -- )
  this-char 34 = if scan-quoted else scan-plain then
  at-char @ value-at @ - value-size ! ;

: name ( -- addr len ) name-at @ name-size @ ;
: value ( -- addr len ) value-at @ value-size @ ;

\ Whether text ends in suffix, and what is before it.
: ends-in? ( addr len suffix-addr suffix-len -- addr len' flag )
  { addr len suffix size }
  len size < if addr len false exit then
  addr len size - + size suffix size compare 0= if
    addr len size - true
  else
    addr len false
  then ;

: keep-text ( addr len -- addr' len )
  dup 1+ allocate throw
  swap 2dup 2>r >r swap over r> move drop 2r> ;
: add-module ( addr len -- )
  keep-text
  3 cells allocate throw
  dup >r 2 cells + !
  r@ cell+ !
  modules @ r@ !
  r> modules ! ;
: take-module ( -- )
  value s" YES" compare if exit then
  name s" _load" ends-in? if add-module else 2drop then ;

: conf-line ( -- )
  skip-blanks scan-name
  name-size @ if
    skip-blanks
    this-char [char] = = if
      next-char skip-blanks scan-value
      value name setenv
      take-module
    then
  then
  skip-line ;

: read-conf ( addr len -- )
  0 fopen dup -1 = abort" no configuration" conf-fd !
  conf-limit allocate throw conf-text !
  conf-fd @ conf-text @ conf-limit fread
  conf-fd @ fclose
  conf-text @ dup at-char ! + end-char !
  begin more? while conf-line repeat
  conf-text @ free drop ;

\ Says which modules were asked for.
: list-modules ( -- )
  modules @ begin dup while dup module-name type space @ repeat drop cr ;
