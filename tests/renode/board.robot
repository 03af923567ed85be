*** Comments ***
The scenarios of host/scenarios.py, byte by byte, on a board in Renode. `make renode` runs this suite through renode-test:

    renode-test --variable ELF:... --variable RESC:... --variable UART:sysbus.usart2 --variable SCENARIOS:... board.robot

Set-up and tear-down of each test come from Renode's own keywords. Written for release 1.16.1. The scenarios are tested in QEMU
(tests/firmware/test_scenarios.py); in Renode this suite has not been run yet.

*** Keywords ***
Boot
    Execute Command    set bin @${ELF}
    Execute Command    include @${RESC}
    Create Terminal Tester    ${UART}    timeout=10    binaryMode=True    defaultPauseEmulation=True
    # The firmware gives up the oscillator after some 25 ms of virtual time; bytes before that would be lost.
    Execute Command    emulation RunFor "0.2"

Send
    [Arguments]    ${hex}
    ${bytes}=    Evaluate    list(bytes.fromhex($hex))
    FOR    ${byte}    IN    @{bytes}
        Execute Command    ${UART} WriteChar ${byte}
    END

Play
    [Arguments]    ${name}
    Boot
    ${steps}=    Evaluate    json.load(open($SCENARIOS))[$name]    modules=json
    FOR    ${step}    IN    @{steps}
        IF    $step['send']
            Send    ${step}[send]
        ELSE
            Wait For Bytes On Uart    ${step}[expect]
        END
    END
    ${instructions}=    Execute Command    cpu ExecutedInstructions
    Log To Console    ${name}: ${instructions.strip()} instructions since reset

*** Test Cases ***
Boots To HELLO
    Play    boots to HELLO

Takes The Golden Frames And Sends One
    Play    takes the golden frames and sends one

Infers The Bytes Of The Vectors
    Play    infers the bytes of the vectors

Abstains And Takes The Answer
    Play    abstains, sends the sample up, takes the answer

Survives A Damaged Frame
    Play    counts a damaged frame and goes on

Changes Its Threshold
    Play    changes its threshold

Refuses What Is For The Other Kind Of Model
    Play    refuses what is for the other kind of model
