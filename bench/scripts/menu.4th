\ Menus whose items are variables of the environment: SET_FIELD[N], with N from 1 to 8. The menu that is shown
\ is a copy of one of the sets under the name `menu`, made by evaluated command lines.

create buffer 256 allot
variable buffered
: start ( -- ) 0 buffered ! ;
: add ( addr len -- ) tuck buffer buffered @ + swap move buffered +! ;
: add-char ( c -- ) buffer buffered @ + c! 1 buffered +! ;
: made ( -- addr len ) buffer buffered @ ;

: set-name ( set -- addr len )
  case
    0 of s" main" endof
    1 of s" options" endof
    2 of s" kernels" endof
    3 of s" devices" endof
    s" none" rot
  endcase ;
5 constant fields
: field-name ( field -- addr len )
  case
    0 of s" init" endof
    1 of s" caption" endof
    2 of s" command" endof
    3 of s" keycode" endof
    4 of s" toggled" endof
    s" other" rot
  endcase ;

: add-variable ( item field addr len -- )
  add [char] _ add-char field-name add
  [char] [ add-char [char] 0 + add-char [char] ] add-char ;

: present? ( item field set -- flag )
  start set-name add-variable made getenv dup -1 <> if 2drop true else drop false then ;

: copy-field ( item field set -- )
  { item field set }
  item field set present? if
    start s" set " add item field s" menu" add-variable
    [char] = add-char [char] $ add-char item field set set-name add-variable
    made evaluate
  else
    start item field s" menu" add-variable made unsetenv
  then ;
: copy-set ( set -- )
  9 1 do
    fields 0 do j i 2 pick copy-field loop
  loop drop ;

: item-text ( item field -- addr len flag )
  start s" menu" add-variable made getenv dup -1 = if drop 0 0 false else true then ;

variable row
: show-item ( item -- )
  dup 1 item-text 0= if 2drop drop exit then
  5 row @ go-to bold rot .plain plain ." . " type
  1 row +! ;
: show-title ( set -- )
  start s" set_title[" add [char] 0 + add-char [char] ] add-char
  made getenv dup -1 = if drop exit then
  15 9 go-to type ;

: run-init ( item -- )
  0 item-text if
    sfind if execute else 2drop then
  else
    2drop
  then ;

: show-menu ( set -- )
  dup copy-set
  42 14 2 9 box
  dup show-title drop
  11 row !
  9 1 do i run-init i show-item loop
  0 25 go-to ;

\ Counts the seconds down on the line below the menu, until a key comes.
variable until-second  variable shown
: .count ( n -- ) 4 23 go-to ." Booting in " .plain ."  seconds. [Space] to pause " 0 25 go-to ;
: count-down ( -- )
  s" count" getenv dup -1 = if drop s" 9" then
  0 0 2swap >number 2drop drop
  seconds + until-second !
  begin
    until-second @ seconds - dup 0> key? 0= and
  while
    dup shown @ <> if dup shown ! .count else drop then
    50 ms
  repeat drop
  key? if key drop then ;

: load-and-boot ( -- )
  s" set kernel_path=/boot/${kernel}/kernel" evaluate
  s" load ${kernel_path}" evaluate
  s" load -t notes /boot/notes.txt" evaluate
  0 boot ;
